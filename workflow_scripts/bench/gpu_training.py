"""EF training on a GPU: what share of a step waits for data, and how fast it is against the published way."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import cycle, islice

import numpy as np
import torch
from loading import decoded_clip
from rows import Row, at_most, skipped, verdict
from small_study import SmallStudy, published_settings
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from echonet.learning.ef_task import clip_regression_task
from echonet.learning.video_network import video_network

NETWORK = "r2plus1d_18"
STEPS, WARM_UP = 30, 5
WORKERS = 4
WAITING = "% of a GPU training step that waits for data"
THROUGHPUT = "EF training clips a second on the GPU, bf16 against fp32 with a decoding loader"
# Dense bf16 teraflops a second of the makers' data sheets.
PEAK_TFLOPS = {"H200": 989, "H100": 989, "A100": 312, "L40S": 362, "RTX 4090": 165, "A10": 125, "L4": 121}


def gpu_rows(study: SmallStudy) -> list[Row]:
    """The rows that need a GPU, or why they are skipped."""
    if not torch.cuda.is_available():
        return [skipped(WAITING, "<= 2"), skipped(THROUGHPUT, ">= 4")]
    device = torch.device("cuda")
    with_data, without_data = fast_rates(study, device, STEPS)
    reference = decoding_rate(study, device, STEPS)
    ratio = with_data / reference
    return [
        at_most(WAITING, 100 * max(0.0, 1 - with_data / without_data), 2),
        Row(THROUGHPUT, with_data, reference, ratio, ">= 4", verdict(ratio >= 4)),
        *peak_rows(with_data, torch.cuda.get_device_name()),
    ]


def fast_rates(study: SmallStudy, device: torch.device, steps: int, **settings: object) -> tuple[float, float]:
    """Clips a second of this project's training, and of the same steps on one batch that is already there."""
    recipe = published_settings("ef", **settings)
    task = clip_regression_task(
        study.store.arrays["frames"], study.train, study.train, "ef", study.normalisation, recipe, device
    )
    model, optimiser = network(device, recipe["width"])
    model = model.to(memory_format=torch.channels_last_3d)
    if device.type == "cuda":
        model.compile()
    random = np.random.default_rng(0)
    samples = [random.integers(len(study.train), size=recipe["batch_size"]) for _ in range(steps)]
    kept: list[Tensor] = []

    def keep(clips: Tensor) -> Tensor:
        kept[:] = [clips.clone(memory_format=torch.preserve_format)]
        return clips.mean(dim=(1, 2, 3, 4), keepdim=True)

    task.predict(_Called(keep), task.load(samples[0], 0))
    ready, truth = kept[0], torch.full((recipe["batch_size"],), 55.0, device=device)
    half = torch.autocast(device.type, torch.bfloat16)

    def loss_of(chosen: np.ndarray) -> Tensor:
        return task.loss(*task.predict(model, task.load(chosen, 0)))

    from_store = (lambda chosen=chosen: loss_of(chosen) for chosen in cycle(samples))
    at_hand = (lambda: nn.functional.mse_loss(model(ready).flatten().float(), truth) for _ in cycle([0]))
    rates = [rate(losses, optimiser, recipe["batch_size"], steps, half) for losses in (from_store, at_hand)]
    return rates[0], rates[1]


def decoding_rate(study: SmallStudy, device: torch.device, steps: int, **settings: object) -> float:
    """Clips a second of the published way: full precision, and workers that decode a video for each clip."""
    recipe = published_settings("ef", **settings)
    model, optimiser = network(device, recipe["width"])
    total = recipe["batch_size"] * (steps + WARM_UP)
    loader = DataLoader(_DecodedClips(study, recipe, total), recipe["batch_size"], num_workers=WORKERS, pin_memory=True)

    def loss_of(batch: list[Tensor]) -> Tensor:
        clips, truth = (part.to(device, non_blocking=True) for part in batch)
        return nn.functional.mse_loss(model(clips).flatten(), truth)

    losses = (lambda batch=batch: loss_of(batch) for batch in loader)
    return rate(losses, optimiser, recipe["batch_size"], steps, nullcontext())


def network(device: torch.device, width: float) -> tuple[nn.Module, torch.optim.Optimizer]:
    """The network in training mode and its optimiser."""
    model = video_network(NETWORK, width).to(device)
    return model, torch.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9)


def rate(
    losses: Iterator[Callable[[], Tensor]],
    optimiser: torch.optim.Optimizer,
    batch: int,
    steps: int,
    precision: AbstractContextManager,
) -> float:
    """Clips a second over so many training steps after a few for warming up."""
    for loss in islice(losses, WARM_UP):
        step(loss, optimiser, precision)
    synchronise()
    began = time.perf_counter()
    for loss in islice(losses, steps):
        step(loss, optimiser, precision)
    synchronise()
    return steps * batch / (time.perf_counter() - began)


def step(loss: Callable[[], Tensor], optimiser: torch.optim.Optimizer, precision: AbstractContextManager) -> None:
    """One training step."""
    optimiser.zero_grad(set_to_none=True)
    with precision:
        value = loss()
    value.backward()
    optimiser.step()


def synchronise() -> None:
    """Wait for the GPU if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_rows(clips_a_second: float, card: str) -> list[Row]:
    """The share of the card's peak, if that is known: backward passes cost twice a forward pass."""
    peak = next((tflops for name, tflops in PEAK_TFLOPS.items() if name in card), None)
    if peak is None:
        return []
    settings = published_settings("ef")
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        video_network(NETWORK)(torch.empty(1, 3, settings["frames"], 112, 112))
    share = 3 * counter.get_total_flops() * clips_a_second / (peak * 1e12)
    return [Row(f"% of the bf16 peak of {card} in EF training", 100 * share, None, None, "", "")]


class _Called(nn.Module):
    """A function as a network."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.forward = function


class _DecodedClips(Dataset):
    """Random training clips, each decoded from its video file."""

    def __init__(self, study: SmallStudy, settings: dict, count: int) -> None:
        self.study, self.settings, self.count = study, settings, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, at: int) -> tuple[np.ndarray, np.float32]:
        case = self.study.train.iloc[at % len(self.study.train)]
        path = self.study.videos / f"{case['case']}.avi"
        return decoded_clip(path, self.settings, np.random.default_rng(at)), np.float32(case["ef"])
