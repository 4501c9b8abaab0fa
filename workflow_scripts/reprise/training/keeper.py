"""Checkpoints of a training run: when one is due, writing in a thread, and keeping the two newest whole ones."""

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from reprise.step.command import say
from reprise.training.checkpoint import checkpoint_path, checkpoints, read_checkpoint, save_checkpoint
from reprise.training.interval import Interval

LAST = "last"
KEPT = 2
Weights = dict[str, Tensor]


class Keeper:
    """The checkpoints of one identity in a folder; a thread writes them.

    The best weights so far have files of their own: they are written once, not with each checkpoint.
    """

    def __init__(self, folder: Path, identity: str, every: Interval, writes: bool) -> None:
        self.folder, self.identity, self.every, self.writes = folder, identity, every, writes
        self.number = 0
        self.kept: list[set[Path]] = []  # files of each checkpoint that still exists, the newest last
        self.saved_at, self.steps = time.monotonic(), 0
        self.writer = ThreadPoolExecutor(1)
        self.writing: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()
        self.writer.shutdown()

    def newest(self, device: torch.device) -> tuple[dict[str, Any], dict[str, Weights]] | None:
        """The newest undamaged state of this run, together with its best weights, which are undamaged too."""
        for path in checkpoints(self.folder, LAST):
            try:
                state = read_checkpoint(path, self.identity, device)
                files = {name: self._best_path(name, best["epoch"]) for name, best in state["best"].items()}
                weights = {name: read_checkpoint(file, self.identity, device) for name, file in files.items()}
                self.number = int(path.stem.rpartition("-")[2])
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                say(f"{path}: {error if isinstance(error, ValueError) else 'damaged'}; ignored")
                continue
            self.kept = [{path, *files.values()}]
            return state, weights
        return None

    def due(self) -> bool:
        """Whether it is time for a checkpoint, now that one more step is done."""
        self.steps += 1
        late = time.monotonic() - self.saved_at >= self.every.seconds or self.steps >= self.every.steps
        return self.writes and late

    def save(self, state: Mapping[str, Any], best: Mapping[str, Weights]) -> None:
        """Copy a state and start to write it; `best` in the state gives the epoch of each of the best weights."""
        self.saved_at, self.steps = time.monotonic(), 0
        if not self.writes:
            return
        self.flush()
        self.number += 1
        files = {self._best_path(name, state["best"][name]["epoch"]): weights for name, weights in best.items()}
        self.writing = self.writer.submit(self._write, self.number, copied(state), files)

    def flush(self) -> None:
        """Wait until what was saved is on the disk."""
        if self.writing:
            self.writing.result()

    def _write(self, number: int, state: dict[str, Any], best: Mapping[Path, Weights]) -> None:
        path = checkpoint_path(self.folder, LAST, number)
        written = set().union(*self.kept)
        todo = {file: weights for file, weights in best.items() if file not in written}
        if all(save_checkpoint(file, dict(content), self.identity) for file, content in {**todo, path: state}.items()):
            self.kept = [*self.kept, {path, *best}][-KEPT:]
            for old in set(self.folder.glob("*.ckpt")).difference(*self.kept):
                old.unlink()

    def _best_path(self, name: str, epoch: int) -> Path:
        return checkpoint_path(self.folder, name, epoch)


def copied(value: Any) -> Any:
    """A copy of a state in main memory; training does not change it."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        return {key: copied(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(copied(part) for part in value)
    return value
