"""The lesion network against plain formulations of the same: a training step, and validating a fold."""

import copy
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from mslesion_work import lesion_training, made_up
from rows import Row, faster, paired, verdict
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from training import training_rows

from mslesion.learning.fc_densenet import FCDenseNet, fc_densenet
from mslesion.learning.losses import soft_dice_loss
from mslesion.learning.networks import COMPILED
from mslesion.learning.window_logits import WINDOWS_AT_A_TIME, centre_logits
from mslesion.learning.windows import CENTRE, list_windows
from reprise.engine.configuration import study_settings
from reprise.models.weights import channels_last
from reprise.step.device import pick_device
from reprise.training.task import Task
from reprise.training.timing import timed_steps

NETWORK = "fc_densenet67"
BATCH, STEPS = 4, 2
# Slices of a fold and their size: as published on a GPU; on a CPU with a sixth of the pixels, in the same proportion.
FOLD, PIXELS = {"cuda": 200, "cpu": 18}, {"cuda": 160, "cpu": 64}
TRAINING = "lesion training windows a second, against a host synchronisation per channel per block"
VALIDATION = "lesion slices validated a second, against all slices of every window"
TOLERANCE = 1e-5


def lesion_rows() -> list[Row]:
    """All rows, with the network in its published size."""
    device = pick_device("auto")
    torch.manual_seed(0)
    pixels = PIXELS[device.type]
    slices = torch.randn(FOLD[device.type], 1, pixels, pixels, device=device)
    return [*lesion_training_rows(device), validation_row(fc_densenet(NETWORK).to(device), slices)]


def lesion_training_rows(device: torch.device) -> list[Row]:
    """Training by the published protocol against a plain formulation, in full precision; on a GPU in bf16 too."""
    settings, pixels = study_settings("mslesion", "published"), PIXELS[device.type]
    recipe = settings["training"] | {"network": NETWORK, "folds": settings["folds"], "size": pixels, "seed": 0}
    recipe |= {"precision": "fp32", "batch_size": BATCH}
    data = made_up((pixels, pixels, FOLD[device.type] // 2))

    def make(recipe: Mapping[str, Any], device: torch.device) -> tuple[nn.Module, Task]:
        torch.manual_seed(0)  # both ways begin with the same weights
        return lesion_training(data, "published", recipe, device)

    plain = _Plain(*make(recipe, device))
    if device.type == "cpu":
        model, task = make(recipe, device)

        def ours() -> float:
            return BATCH / timed_steps(model, task, recipe, warm_up=0, count=STEPS).seconds

        same = abs(_first_loss(model, task) - _first_loss(plain.model, task)) < TOLERANCE
        row = paired(TRAINING, ours, plain.rate, required=1, rounds=3)
        rows = [row._replace(ok=verdict(row.ok == "yes" and same))]
    else:
        rows = []
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        fc_densenet(NETWORK)(torch.empty(1, 3, 1, pixels, pixels))
    least, flops = {"bf16": 3.0, "fp32": 1.5}, counter.get_total_flops()
    return rows + training_rows("lesion training windows", make, recipe, COMPILED, plain.rate, least, flops)


def validation_row(model: FCDenseNet, slices: Tensor) -> Row:
    """Slices a second, ours in batches as training validates, the plain way in the published ones; same masks."""
    _settle(model, slices)
    windows, masks = list_windows(np.arange(len(slices))), {}
    fast, plain_model = copy.deepcopy(model).eval(), model.eval()
    channels_last(fast)

    def segmented(centres: Callable[[np.ndarray], Tensor], size: int) -> Tensor:
        with torch.inference_mode():
            logits = [centres(windows[start : start + size]) for start in range(0, len(windows), size)]
            return torch.cat([found.cpu().argmax(dim=1) for found in logits])

    def ours() -> int:
        masks["ours"] = segmented(partial(centre_logits, fast, slices[:, 0]), WINDOWS_AT_A_TIME)
        return len(windows)

    def plain() -> int:
        masks["plain"] = segmented(lambda chosen: plain_model(slices[chosen]).softmax(dim=2)[:, CENTRE], BATCH)
        return len(windows)

    row = faster(VALIDATION, ours, plain, required=3.2, rounds=3)
    return row._replace(ok=verdict(row.ok == "yes" and torch.equal(masks["ours"], masks["plain"])))


def with_means_read(model: Any) -> nn.Module:
    """A copy that reads the mean of every channel that leaves a level, one by one, as the published code does."""
    copied: Any = copy.deepcopy(model)
    for block in [*copied.transitions_down, *copied.up]:
        block.register_forward_hook(_read_means)
    return copied


def _read_means(_block: nn.Module, _inputs: tuple[Tensor, ...], features: Tensor) -> None:
    for channel in features.unbind(1):
        channel.mean().item()


def _settle(model: FCDenseNet, slices: Tensor) -> None:
    """Give the normalisations of an untrained network the statistics of its own activations."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.train()(slices[None, : 2 * BATCH])


def _first_loss(model: nn.Module, task: Task) -> float:
    """The loss of the first samples, with the dropout of the first seed."""
    torch.manual_seed(0)
    with torch.no_grad():
        return task.loss(*task.predict(model.train(), task.load(np.arange(BATCH), 0))).item()


class _Plain:
    """Training as the published code does it: full precision, and every channel's mean read by the host."""

    def __init__(self, model: nn.Module, task: Task) -> None:
        self.model = with_means_read(model.to(memory_format=torch.contiguous_format)).train()
        self.task = task
        self.optimiser = torch.optim.RMSprop(self.model.parameters(), lr=1e-6)

    def rate(self) -> float:
        """Windows a second of some steps."""
        began = time.perf_counter()
        self._steps()
        return STEPS * BATCH / (time.perf_counter() - began)

    def _steps(self) -> None:
        for step in range(STEPS):
            windows, truth = self.task.load(np.arange(BATCH) + step * BATCH, 0)
            loss = soft_dice_loss(self.model(windows)[:, CENTRE], truth)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            loss.item()
