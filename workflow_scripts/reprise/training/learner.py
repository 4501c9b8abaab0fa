"""One training step: what `fit` does for each batch, and what is timed."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from reprise.step.device import autocast
from reprise.step.errors import InputError
from reprise.training.ahead import ahead
from reprise.training.compiled import compile_network
from reprise.training.optimiser import clip_gradients, optimiser_of, take_step
from reprise.training.processes import Processes, own_part, set_own_rows, shared_model, whole_batch
from reprise.training.task import Task


class Learner(NamedTuple):
    """A network in training, and what changes it."""

    model: nn.Module  # its state is what checkpoints and weights hold
    shared: nn.Module  # the same network as this process trains it
    task: Task
    settings: Mapping[str, Any]
    optimiser: torch.optim.Optimizer
    processes: Processes
    device: torch.device


class Batch(NamedTuple):
    """A batch on its way through the network."""

    samples: int  # in all processes
    epoch: int
    loaded: Any  # this process's part, by the task's `load`


def learner_of(
    model: nn.Module, task: Task, settings: Mapping[str, Any], processes: Processes, compile_mode: str | None
) -> Learner:
    """A network that is on its device, ready for `train_step`; for the arguments see `fit`."""
    device, shared = next(model.parameters()).device, shared_model(model, processes)
    optimiser = optimiser_of(model, **settings["optimiser"])
    # Let cuDNN try out its ways for each size of batch, where different bits do not matter.
    torch.backends.cudnn.benchmark = not torch.are_deterministic_algorithms_enabled()
    if compile_mode:
        compile_network(model, compile_mode)
    return Learner(model, shared, task, settings, optimiser, processes, device)


def loaded(learner: Learner, todo: Iterable[np.ndarray], epoch: int) -> Iterator[Batch]:
    """Batches of an epoch from their sample indices; a GPU loads one ahead."""

    def load(samples: np.ndarray) -> Batch:
        with enough_memory(len(samples)):
            return Batch(len(samples), epoch, learner.task.load(own_part(samples, learner.processes), epoch))

    return ahead(load, todo, learner.device)


def train_step(learner: Learner, batch: Batch, step: int) -> Tensor:
    """Change the network by a batch, the epoch's number `step`; the loss, on its device.

    If the task watches K numbers, they follow the loss: (1 + K,).
    The host does not wait for the device here.

    Raises:
        InputError: the GPU's memory is too small.
    """
    task, processes = learner.task, learner.processes
    torch.manual_seed(_step_seed(learner.settings["seed"], batch.epoch, step))
    set_own_rows(learner.model, batch.samples, processes)
    with enough_memory(batch.samples):
        learner.optimiser.zero_grad(set_to_none=True)
        with autocast(learner.device, learner.settings["precision"]):
            parts = task.predict(learner.shared, batch.loaded)
            pair = [whole_batch(part, batch.samples, processes) for part in parts]
            loss = task.loss(*pair)
        (loss * processes.size).backward()  # gradients come out as the mean over processes
        clip_gradients(learner.model, learner.settings.get("clip"))
        take_step(learner.optimiser)
    if task.watch is None:
        return loss.detach()
    with torch.no_grad():
        return torch.cat([loss.detach()[None], task.watch(*pair)])


@contextmanager
def enough_memory(samples: int) -> Iterator[None]:
    """A block of work on a batch that says what to do if the GPU's memory is too small.

    Raises:
        InputError: it is.
    """
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise InputError(
            f"the GPU's memory is too small for a batch of {samples}: lower batch_size in the study's file "
            "in config/, or set precision: bf16 in config.yaml"
        ) from error


def _step_seed(seed: int, epoch: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, epoch, step]).generate_state(1)[0])
