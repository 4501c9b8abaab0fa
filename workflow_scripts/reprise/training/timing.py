"""How long a training step takes, and what it waits for: steps of the training loop without all that is around them."""

import resource
import time
from collections.abc import Iterator, Mapping
from itertools import count as count_from
from itertools import islice, repeat
from typing import Any, NamedTuple

import torch
from torch import nn

from reprise.training.learner import Batch, Learner, learner_of, loaded, train_step
from reprise.training.processes import Processes
from reprise.training.sampler import batches
from reprise.training.task import Task


class StepTimes(NamedTuple):
    """What a training step takes."""

    seconds: float
    data: float  # share of them that a step on a batch that is there already does not take, 0 to 1
    peak_mb: float  # memory: of the GPU's allocator during these steps, or of the process since its start


def timed_steps(
    model: nn.Module,
    task: Task,
    settings: Mapping[str, Any],
    warm_up: int = 5,
    count: int = 20,
    compile_mode: str | None = None,
) -> StepTimes:
    """Time `count` steps as `fit` does them, after some to warm up; they change the network.

    The host waits for the device at both ends of the timed steps only. For the other arguments see `fit`.

    Raises:
        InputError: the GPU's memory is too small.
    """
    learner = learner_of(model.train(), task, settings, Processes(0, 1), compile_mode)
    if learner.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(learner.device)
    steps = _batches(learner)
    _timed(learner, islice(steps, warm_up))
    seconds = _timed(learner, islice(steps, count))
    at_hand = _timed(learner, repeat(next(steps), count))
    return StepTimes(seconds / count, max(0.0, 1 - at_hand / seconds), _peak_mb(learner.device))


def _batches(learner: Learner) -> Iterator[Batch]:
    """The batches of one epoch after another, as in training."""
    size, seed = learner.settings["batch_size"], learner.settings["seed"]
    for epoch in count_from():
        yield from loaded(learner, batches(learner.task.samples, size, seed, epoch), epoch)


def _timed(learner: Learner, steps: Iterator[Batch]) -> float:
    """Seconds that the steps took."""
    synchronise(learner.device)
    began = time.perf_counter()
    for number, batch in enumerate(steps):
        train_step(learner, batch, number)
    synchronise(learner.device)
    return time.perf_counter() - began


def synchronise(device: torch.device) -> None:
    """Wait until a GPU has done all that it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak_mb(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
