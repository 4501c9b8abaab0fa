"""The one training loop: any model, any data, resumable at any step."""

import hashlib
import json
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from reprise.command import progress, say
from reprise.device import autocast
from reprise.errors import InputError
from reprise.training.checkpoint import checkpoint_path, checkpoints, locked, read_checkpoint, save_checkpoint
from reprise.training.sampler import batches

CHECKPOINT_SECONDS = 60.0
INTERRUPTED = 75
LAST = "last"
# The newest checkpoint but one may refer to best weights two improvements old.
KEEP_BEST = 3

# (model, sample indices, epoch) -> the loss to minimise, and the loss summed over the samples for the log
Loss = Callable[[nn.Module, np.ndarray, int], tuple[Tensor, Tensor]]
# (model in evaluation mode, epoch) -> columns of the epoch's row in the history
Validation = Callable[[nn.Module, int], dict[str, float]]


class Task(NamedTuple):
    """What is trained: how many samples there are, the loss on some of them, validation, and how to choose.

    `choices` maps a name to the history column whose minimum over the epochs chooses the weights of that name.
    """

    samples: int
    loss: Loss
    validate: Validation
    choices: dict[str, str]


class Chosen(NamedTuple):
    """The weights of a choice, and the epoch (from 1) that they are from."""

    epoch: int
    weights: dict[str, Tensor]


def fit(
    model: nn.Module, task: Task, settings: Mapping[str, Any], folder: Path, tensorboard: Path
) -> tuple[dict[str, Chosen], pd.DataFrame]:
    """Train `model`, already on its device, or go on where a killed run stopped; the choices, and a row an epoch.

    Sample order depends on (seed, epoch) alone, dropout on (seed, epoch, step). A checkpoint is written to `folder`
    every minute, at the end of an epoch, and at SIGTERM, which then ends the process with status 75.

    Raises:
        InputError: another process trains in `folder`, the loss is no longer finite, memory or disk ran out.
    """
    with locked(folder):
        run = _Run(model, task, settings, folder)
        run.resume()
        with SummaryWriter(str(tensorboard), purge_step=run.epoch + 1) as writer:
            while run.epoch < settings["epochs"]:
                run.train_epoch()
                row = run.end_epoch()
                for name, value in row.items():
                    writer.add_scalar(name, value, run.epoch)
        return run.chosen(), pd.DataFrame(run.history)


def finished(folder: Path) -> None:
    """Delete the checkpoints of a run whose weights are safely written."""
    shutil.rmtree(folder, ignore_errors=True)


def learning_rate(settings: Mapping[str, Any], epoch: int) -> float:
    """Step decay: the initial rate times `factor` for every `every_epochs` epochs that have passed."""
    every, factor = settings["decay"]["every_epochs"], settings["decay"]["factor"]
    return settings["optimiser"]["lr"] * (factor ** (epoch // every) if every else 1.0)


class _Run:
    """The state that a checkpoint holds, and the steps that change it."""

    def __init__(self, model: nn.Module, task: Task, settings: Mapping[str, Any], folder: Path) -> None:
        self.model, self.task, self.settings, self.folder = model, task, settings, folder
        self.device = next(model.parameters()).device
        self.identity = hashlib.sha256(json.dumps([settings, task.samples], sort_keys=True).encode()).hexdigest()
        self.optimiser = _optimiser(model, **settings["optimiser"])
        self.epoch = self.step = self.seen = 0
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        self.history: list[dict[str, float]] = []
        self.best: dict[str, dict[str, Any]] = {}
        self.saved_at = time.monotonic()
        self.stopping = _stop_signals()

    def resume(self) -> None:
        """Take up the newest checkpoint that is whole, of this run, and whose best weights are whole too."""
        for path in checkpoints(self.folder, LAST):
            try:
                state = read_checkpoint(path, self.identity, self.device)
                for name, best in state["best"].items():
                    self._read_best(name, best["epoch"])
            except ValueError as error:
                say(f"{path}: {error}; passed over")
                continue
            self._restore(state)
            say(f"going on from epoch {self.epoch + 1}, step {self.step}")
            return

    def train_epoch(self) -> None:
        """The steps of the epoch that are still to do."""
        self.model.train()
        _set_learning_rate(self.optimiser, learning_rate(self.settings, self.epoch))
        todo = list(batches(self.task.samples, self.settings["batch_size"], self.settings["seed"], self.epoch))
        for samples in progress(islice(todo, self.step, None), f"epoch {self.epoch + 1}", len(todo) - self.step):
            self._train_step(samples)
            if self.stopping:
                self.save()
                raise SystemExit(INTERRUPTED)
            if time.monotonic() - self.saved_at > CHECKPOINT_SECONDS:
                self.save()

    def end_epoch(self) -> dict[str, float]:
        """Validate, keep what is best so far, write a checkpoint; the epoch's row of the history."""
        train_loss = self.loss_sum.item() / self.seen
        if not np.isfinite(train_loss):
            raise InputError(f"the training loss of epoch {self.epoch + 1} is not finite; lower optimiser: lr")
        self.model.eval()
        with torch.inference_mode():
            columns = self.task.validate(self.model, self.epoch)
        row = {"epoch": self.epoch + 1, "train_loss": train_loss, **columns}
        row["lr"] = learning_rate(self.settings, self.epoch)
        self.history.append(row)
        self.epoch, self.step, self.seen = self.epoch + 1, 0, 0
        self.loss_sum.zero_()
        self._keep_best(row)
        self.save()
        say(", ".join(f"{name} {value:.6g}" for name, value in row.items()))
        return row

    def save(self) -> None:
        """Write a checkpoint of where the run stands."""
        names = ("epoch", "step", "seen", "history", "best")
        state = {name: getattr(self, name) for name in names}
        state |= {"loss_sum": self.loss_sum, "model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        steps = self.epoch * (self.task.samples // min(self.settings["batch_size"], self.task.samples)) + self.step
        save_checkpoint(self.folder, LAST, steps, state, self.identity)
        self.saved_at = time.monotonic()

    def chosen(self) -> dict[str, Chosen]:
        """The weights of each choice."""
        return {name: Chosen(best["epoch"], self._read_best(name, best["epoch"])) for name, best in self.best.items()}

    def _train_step(self, samples: np.ndarray) -> None:
        torch.manual_seed(_step_seed(self.settings["seed"], self.epoch, self.step))
        try:
            with autocast(self.device, self.settings["precision"]):
                loss, loss_sum = self.task.loss(self.model, samples, self.epoch)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
        except torch.cuda.OutOfMemoryError as error:
            raise InputError(
                f"the GPU's memory is too small for a batch of {len(samples)}: lower batch_size in the study's file "
                "in config/, or set precision: bf16 in config.yaml"
            ) from error
        self.loss_sum += loss_sum.detach()
        self.seen += len(samples)
        self.step += 1

    def _keep_best(self, row: Mapping[str, float]) -> None:
        for name, column in self.task.choices.items():
            if name in self.best and not row[column] < self.best[name]["value"]:
                continue
            self.best[name] = {"value": row[column], "epoch": self.epoch}
            if not save_checkpoint(self.folder, name, self.epoch, self.model.state_dict(), self.identity, KEEP_BEST):
                raise InputError(f"{self.folder}: the disk is full: the best weights so far cannot be kept")

    def _read_best(self, name: str, epoch: int) -> dict[str, Tensor]:
        return read_checkpoint(checkpoint_path(self.folder, name, epoch), self.identity, self.device)

    def _restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name in ("epoch", "step", "seen", "history", "best", "loss_sum"):
            setattr(self, name, state[name])


def _optimiser(model: nn.Module, name: str, lr: float, momentum: float, weight_decay: float) -> torch.optim.Optimizer:
    """SGD with momentum, or AdamW, whose first moment decays by `momentum`."""
    if name == "adamw":
        return torch.optim.AdamW(model.parameters(), lr, betas=(momentum, 0.999), weight_decay=weight_decay)
    return torch.optim.SGD(model.parameters(), lr, momentum=momentum, weight_decay=weight_decay)


def _stop_signals() -> list[int]:
    """A list that a request to stop (SIGTERM) makes non-empty; the loop looks at it after each step."""
    received: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    return received


def _set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


def _step_seed(seed: int, epoch: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, epoch, step]).generate_state(1)[0])
