"""The trainings and long predictions of a run, as `estimate.py` times them."""

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn

from reprise.data.store import open_store
from reprise.training.compiled import compile_mode
from reprise.training.sampler import steps_in_all
from reprise.training.task import Task
from reprise.training.timing import synchronise, timed_steps

STEPS = 20
LONGEST_S = 10.0  # that the timed steps may take, as far as a single step allows
ON_CPU = 2  # samples a step: a CPU's time grows with them, and the published batches need a GPU's memory


class StudyData(NamedTuple):
    """Cases and arrays as a store has them, and what is said of where they are from."""

    cases: pd.DataFrame
    arrays: dict[str, np.ndarray]
    source: str


class Training(NamedTuple):
    """Trainings of one recipe, which take equally long."""

    name: str
    jobs: int
    settings: Mapping[str, Any]  # the recipe
    make: Callable[[Mapping[str, Any], torch.device], tuple[nn.Module, Task]]
    compiled: Mapping[str, str]  # network: the mode of torch.compile by which it trains on a GPU


class Prediction(NamedTuple):
    """Predictions by one kind of network, which take equally long."""

    name: str
    jobs: int
    items: int  # of one job: frames, clips or scans
    at_a_time: int
    make: Callable[[torch.device], Callable[[int], object]]  # gives a function that predicts that many items


class TrainingTimes(NamedTuple):
    """What a training takes, in seconds, and the peak memory of a GPU."""

    step: float
    steps: int  # of the whole training
    epoch: float  # with its validation
    peak_mb: float | None


def data_of(study: str, where: str, made_up: Callable[[], StudyData]) -> StudyData:
    """The store of the user's folder `where` if there is one, or data of the published size that is made up."""
    results = Path("results", study)
    if not (results / "store").exists() or not _all_in(Path(where), results / "manifest.csv"):
        return made_up()
    cases, arrays = open_store(results / "store")
    return StudyData(cases, arrays, str(results / "store"))


def _all_in(folder: Path, manifest: Path) -> bool:
    """Whether a folder has the files of a manifest. If not, the store is of other data, such as a phantom."""
    return manifest.exists() and all((folder / name).exists() for name in pd.read_csv(manifest, dtype=str)["path"])


def timed_training(work: Training, device: torch.device, choices: argparse.Namespace) -> TrainingTimes:
    """Time some steps and validations of a training, compiled if `compile_mode` does so for these choices.

    On a CPU a step has fewer samples, and its time is scaled.
    """
    batch = work.settings["batch_size"]
    recipe = dict(work.settings) | {"batch_size": batch if device.type == "cuda" else min(ON_CPU, batch)}
    model, task = work.make(recipe, device)
    steps = steps_in_all(work.settings, task.samples)
    if device.type == "cuda":
        mode = compile_mode(choices, device, work.compiled.get(recipe["network"]), steps)
        times = timed_steps(model, task, recipe, count=STEPS, compile_mode=mode)
    else:
        times = timed_steps(model, task, recipe, warm_up=0, count=1)
        if times.seconds < LONGEST_S / 2:
            count = int(np.clip(LONGEST_S / times.seconds, 1, STEPS))
            times = timed_steps(model, task, recipe, warm_up=1, count=count)
    step = times.seconds * batch / recipe["batch_size"]
    epoch = steps // recipe["epochs"] * step + _seconds_of_validation(model, task, device)
    return TrainingTimes(step, steps, epoch, times.peak_mb if device.type == "cuda" else None)


def _seconds_of_validation(model: nn.Module, task: Task, device: torch.device) -> float:
    """Seconds to validate once, from a few of its batches."""
    cases = np.arange(min(task.at_a_time, task.cases))
    with torch.inference_mode():
        seconds = seconds_a_call(lambda: task.validate(model.eval(), cases, 0), device)
    return seconds * task.cases / len(cases)


def seconds_a_call(compute: Callable[[], object], device: torch.device) -> float:
    """Seconds of a call, of several after a first one that warms up, unless that one takes long."""
    first = _seconds(compute, 1, device)
    return first if first > LONGEST_S / 2 else _seconds(compute, int(np.clip(LONGEST_S / 2 / first, 1, STEPS)), device)


def _seconds(compute: Callable[[], object], count: int, device: torch.device) -> float:
    synchronise(device)
    began = time.perf_counter()
    for _ in range(count):
        compute()
    synchronise(device)
    return (time.perf_counter() - began) / count
