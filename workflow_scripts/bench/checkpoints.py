"""What checkpoints cost a training run, at the published size of the EF network."""

import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from rows import ROUNDS, Row, at_most

from echonet.learning.video_network import video_network
from reprise.training.interval import interval
from reprise.training.keeper import Keeper

EVERY = "60 seconds"


def checkpoint_row() -> Row:
    """The processor's time that a checkpoint takes, or what training waits for it if that is more, of each minute.

    Each checkpoint comes with new best weights for both protocols, the most that a run can have to write.
    """
    model = video_network("r2plus1d_18")
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        costs = [_cost(Path(folder), model, optimiser, number) for number in range(ROUNDS)]
    return at_most("% of training time that a checkpoint a minute takes", 100 * median(costs) / 60, 2)


def _cost(folder: Path, model: torch.nn.Module, optimiser: torch.optim.Optimizer, number: int) -> float:
    """Seconds."""
    best = {protocol: model.state_dict() for protocol in ("published", "sound")}
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
    state["best"] = {protocol: {"epoch": number} for protocol in best}
    with Keeper(folder, "bench", interval(EVERY), writes=True) as keeper:
        began, worked = time.perf_counter(), time.process_time()
        keeper.save(state, best)
        waited = time.perf_counter() - began
        keeper.flush()
        return max(waited, time.process_time() - worked)
