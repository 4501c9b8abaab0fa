"""The one training loop: any model, any data, any number of processes, resumable at any step."""

import argparse
import hashlib
import json
import signal
from collections.abc import Mapping
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from reprise.step.command import progress, reading, say
from reprise.step.errors import InputError
from reprise.step.lock import locked
from reprise.training.compiled import compile_mode
from reprise.training.interval import Interval
from reprise.training.keeper import Keeper, copied
from reprise.training.learner import Batch, Learner, enough_memory, learner_of, loaded, train_step
from reprise.training.optimiser import learning_rate, set_learning_rate
from reprise.training.options import depends_on
from reprise.training.processes import any_of, gathered, join, leave
from reprise.training.sampler import batches, steps_in_all
from reprise.training.task import Task
from reprise.training.tracking import tracker_of

INTERRUPTED = 75
STATE = ("epoch", "step", "seen", "loss_sum", "validated", "history", "best")


class Chosen(NamedTuple):
    """The weights of a choice, and the epoch (from 1) that they are from."""

    epoch: int
    weights: dict[str, Tensor]


def fit(
    model: nn.Module,
    task: Task,
    settings: Mapping[str, Any],
    data: Any,
    folder: Path,
    tensorboard: Path,
    every: Interval,
    compile_mode: str | None = None,
    tracking: str = "off",
) -> tuple[dict[str, Chosen], pd.DataFrame]:
    """Train a network, or go on where a killed run stopped.

    The order of samples depends on (seed, epoch) only, dropout on (seed, epoch, step). A checkpoint is written to
    `folder` at each interval, at the end, and at SIGTERM or SIGUSR2, which then ends the process with status 75. The
    last checkpoint stays: a run that has ended gives its result again at once. If there are several processes, only
    the first one returns; the others end here.

    Args:
        model: already on its device.
        task: see `Task`.
        settings: the recipe: `epochs`, `batch_size`, `seed`, `precision`, `optimiser`, `decay`, and `clip`, the longest
            gradient, if there is a limit; it may hold more.
        data: what else the result depends on, as JSON can write it, such as a store's identity.
        folder: for checkpoints; checkpoints of other settings or data are ignored.
        tensorboard: folder for TensorBoard's event files.
        every: how much work a kill may cost.
        compile_mode: of `torch.compile`; None does not compile.
        tracking: `mlflow` writes the training into a database, see `reprise.training.tracking`; or `off`.

    Returns: the chosen weights by the name of the choice, and the history with one row per epoch.

    Raises:
        InputError: another process trains in `folder`, the loss is no longer finite, or memory ran out.
    """
    processes = join()
    identity = hashlib.sha256(json.dumps([settings, data], sort_keys=True).encode()).hexdigest()
    with (
        locked(folder) if processes.first else nullcontext(),
        Keeper(folder, identity, every, processes.first) as keeper,
    ):
        run = _Run(learner_of(model, task, settings, processes, compile_mode), keeper)
        run.resume()
        with (
            SummaryWriter(str(tensorboard), purge_step=run.epoch + 1) if processes.first else nullcontext() as writer,
            tracker_of(tracking, folder, settings, data, identity, run.history)
            if processes.first
            else nullcontext() as tracker,
        ):
            while run.epoch < settings["epochs"]:
                row = run.train_epoch()
                if writer:
                    for name, value in row.items():
                        writer.add_scalar(name, value, run.epoch)
                if tracker:
                    tracker.follow()
                run.pause()
        run.save(finished=True)
    leave(processes)
    return run.chosen(), pd.DataFrame(run.history)


def fit_by_options(
    args: argparse.Namespace,
    model: nn.Module,
    task: Task,
    device: torch.device,
    compiled: Mapping[str, str],
    *depends: Any,
) -> tuple[dict[str, Chosen], pd.DataFrame]:
    """`fit` as the options of a training step have it.

    Args:
        args: of `training_parser`.
        model: already on its device.
        task: see `Task`.
        device: where the model is.
        compiled: the study's table of the networks that a GPU compiles or records.
        depends: what else the result depends on, besides the recipe, the store and the initial weights.
    """
    settings = args.settings
    mode = compile_mode(args, device, compiled.get(settings["network"]), steps_in_all(settings, task.samples))
    data, places = [*depends_on(args), *depends], (args.checkpoints, args.tensorboard)
    return fit(model, task, settings, data, *places, args.checkpoint_every, mode, args.tracking)


class _Run:
    """The state that a checkpoint holds, and the steps that change it."""

    def __init__(self, learner: Learner, keeper: Keeper) -> None:
        self.learner, self.keeper = learner, keeper
        self.model, self.optimiser, self.processes = learner.model, learner.optimiser, learner.processes
        self.task, self.settings, self.device = learner.task, learner.settings, learner.device
        self.epoch = self.step = self.seen = 0
        watched = (1 + len(self.task.watched),) if self.task.watched else ()
        self.loss_sum = torch.zeros(watched, dtype=torch.float64, device=self.device)
        self.validated: list[dict[str, Tensor]] = []  # of the cases validated so far, one entry per batch
        self.history: list[dict[str, float]] = []
        self.best: dict[str, dict[str, Any]] = {}
        self.best_weights: dict[str, dict[str, Tensor]] = {}
        self.stopping = _stop_signals()

    def resume(self) -> None:
        """Load the newest checkpoint, if there is one; all processes load the same one."""
        found = self.keeper.newest(self.device)
        if found:
            state, self.best_weights = found
            with reading(self.keeper.folder, "its newest checkpoint does not fit this run; delete it and run again"):
                if "model" in state:
                    self.model.load_state_dict(state["model"])
                    self.optimiser.load_state_dict(state["optimiser"])
                for name in STATE:
                    setattr(self, name, state[name])
            say(f"going on from epoch {self.epoch + 1}, step {self.step}" if "model" in state else "trained before")
        any_of(False, self.processes)  # barrier: all have loaded before any saves

    def save(self, finished: bool = False) -> None:
        """Write a checkpoint of the run's state; a finished run keeps its results only."""
        state = {name: getattr(self, name) for name in STATE}
        if not finished:
            state |= {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        self.keeper.save(state, self.best_weights)

    def pause(self) -> None:
        """Write a checkpoint if it is time, and end if a signal asks for it."""
        stop = any_of(bool(self.stopping), self.processes)
        if self.keeper.due() or stop:
            self.save()
        if stop:
            self.keeper.flush()
            any_of(False, self.processes)  # barrier: the launcher kills all processes once one has ended
            raise SystemExit(INTERRUPTED)

    def train_epoch(self) -> dict[str, float]:
        """Do the rest of an epoch, its steps and then validation; return its row of the history."""
        self.model.train()
        rate = learning_rate(self.settings, self.epoch)
        todo = list(batches(self.task.samples, self.settings["batch_size"], self.settings["seed"], self.epoch))
        rest = loaded(self.learner, islice(todo, self.step, None), self.epoch)
        for batch in progress(rest, f"epoch {self.epoch + 1}", len(todo) - self.step):
            set_learning_rate(self.optimiser, learning_rate(self.settings, self.epoch + self.step / len(todo)))
            self._train_step(batch)
            self.pause()
        train_loss, *watched = [total / self.seen for total in self.loss_sum.flatten().tolist()]
        if not np.isfinite(train_loss):
            raise InputError(f"the training loss of epoch {self.epoch + 1} is not finite; lower optimiser: lr")
        shown = dict(zip(self.task.watched, watched, strict=True))
        row = {"epoch": self.epoch + 1, "train_loss": train_loss, **shown, **self._validate(), "lr": rate}
        self._end_epoch(row)
        say(", ".join(f"{name} {value:.6g}" for name, value in row.items()))
        return row

    def chosen(self) -> dict[str, Chosen]:
        """The weights of each choice."""
        return {name: Chosen(best["epoch"], self.best_weights[name]) for name, best in self.best.items()}

    def _train_step(self, batch: Batch) -> None:
        loss, terms = train_step(self.learner, batch, self.step), self.task.terms_per_sample
        self.loss_sum += loss / terms if terms else loss * batch.samples
        self.seen += batch.samples
        self.step += 1

    def _validate(self) -> dict[str, float]:
        """Columns of the history; the processes take turns at the batches of cases."""
        self.model.eval()
        size = self.task.at_a_time
        todo = [np.arange(self.task.cases)[first : first + size] for first in range(0, self.task.cases, size)]
        while len(self.validated) < len(todo):
            turn = todo[len(self.validated) :][: self.processes.size]
            found = None
            if self.processes.rank < len(turn):
                with torch.inference_mode(), enough_memory(size):
                    found = self.task.validate(self.model, turn[self.processes.rank], self.epoch)
            self.validated += gathered(found, self.processes)
            self.pause()
        names = self.validated[0] if self.validated else {}
        return self.task.summary(
            {name: torch.cat([part[name].double().cpu() for part in self.validated]).numpy() for name in names}
        )

    def _end_epoch(self, row: dict[str, float]) -> None:
        self.history.append(row)
        self.epoch, self.step, self.seen, self.validated = self.epoch + 1, 0, 0, []
        self.loss_sum.zero_()
        for name, column in self.task.choices.items():
            if name not in self.best or row[column] < self.best[name]["value"]:
                self.best[name] = {"value": row[column], "epoch": self.epoch}
                self.best_weights[name] = copied(self.model.state_dict())


def _stop_signals() -> list[int]:
    """A list that a request to stop (SIGUSR2 is Grid Engine's) makes non-empty; the loop looks at it at each step."""
    received: list[int] = []
    for request in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(request, lambda number, _: received.append(number))
    return received
