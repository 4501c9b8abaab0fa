"""Whole trainings on a GPU: killed and resumed, by torchrun with NCCL, more processes than GPUs, and in bf16."""

import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from phantom_tasks import example, pair_task
from project import ROOT, environment
from reprise.evaluation.bootstrap import interval, resampled_sums
from reprise.training.interval import Interval
from reprise.training.loop import fit
from training_step import RESULTS, results, small_store, start, train_command

EPOCHS = 12
# With large ones, rounding alone soon drives any two runs apart.
SMALL_STEPS = {"name": "adamw", "lr": 3e-7, "momentum": 0.9, "weight_decay": 0}
FILMS, TRAINED = 36, 24
LOSSES = ["train_loss", "val_loss"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    small_store(folder)
    return folder


def command(data: Path, folder: Path, device: torch.device, deterministic: str) -> list[str]:
    """The words that start a training step, which keeps a checkpoint of each of its steps."""
    more = ("--device", device.type, "--deterministic", deterministic, "--compile", "off")
    return train_command(data, folder, *more, "--checkpoint-every", "1 steps", epochs=EPOCHS, optimiser=SMALL_STEPS)


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """By device and `deterministic`, the folder of a run that nobody stopped; filled by `undisturbed`."""
    return {}


def undisturbed(runs: dict[Any, Path], data: Path, folder: Path, device: torch.device, deterministic: str) -> Path:
    """The folder of a run that nobody stopped."""
    key = (device.type, deterministic)
    if key not in runs:
        assert start(command(data, folder / "whole", device, deterministic)).wait() == 0, log_of(folder / "whole")
        runs[key] = folder / "whole"
    return runs[key]


def log_of(folder: Path) -> str:
    return (folder / "train.log").read_text()


@pytest.mark.parametrize("deterministic", ["yes", "no"])
def test_killed_and_resumed_ends_as_one_never_stopped(
    device: torch.device, data: Path, whole: dict[Any, Path], tmp_path: Path, deterministic: str
) -> None:
    expected, folder = undisturbed(whole, data, tmp_path, device, deterministic), tmp_path / "killed"
    process = start(command(data, folder, device, deterministic))
    deadline = time.monotonic() + 120
    while not any((folder / "checkpoints").glob("last-*3.ckpt")):
        assert process.poll() is None and time.monotonic() < deadline, log_of(folder)
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / RESULTS[1]).exists(), "it was killed before its end"
    assert start(command(data, folder, device, deterministic)).wait() == 0, log_of(folder)
    assert "going on from" in log_of(folder)
    if deterministic == "yes" or device.type == "cpu":
        assert results(folder) == results(expected)
    else:
        assert_close(folder, expected, rtol=1e-3)


def test_one_process_under_torchrun_equals_none(
    device: torch.device, data: Path, whole: dict[Any, Path], tmp_path: Path
) -> None:
    expected, folder = undisturbed(whole, data, tmp_path, device, "yes"), tmp_path / "alone"
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1", "--"]
    python, *step = command(data, folder, device, "yes")
    assert start([python, *launcher, *step]).wait() == 0, log_of(folder)
    # On a CPU, several processes have a batch normalisation of their own.
    assert_close(folder, expected, rtol=1e-5 if device.type == "cuda" else 1e-3)


def assert_close(found: Path, expected: Path, rtol: float) -> None:
    """The losses of two runs agree."""
    curves = [pd.read_csv(folder / RESULTS[1])[LOSSES] for folder in (found, expected)]
    assert len(curves[0]) == EPOCHS
    np.testing.assert_allclose(*curves, rtol=rtol)


def test_more_processes_than_cards_are_one_line(gpu: torch.device, data: Path, tmp_path: Path) -> None:
    cards = torch.cuda.device_count()
    words = command(data, tmp_path, gpu, "no")
    words = [word for word in words if word not in ("--log", str(tmp_path / "train.log"))]
    env = environment() | {"PYTHONPATH": str(ROOT / "workflow_scripts")}
    done = subprocess.run(
        [*words, "--processes", str(cards + 1)], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    expected = f"processes: {cards + 1}: each needs a GPU of its own, and PyTorch finds {cards} here"
    assert done.stderr.splitlines() == [f"error: {expected}"]


def test_bf16_learns_the_phantom_as_well_as_fp32(device: torch.device, tmp_path: Path) -> None:
    found = {precision: overlaps(device, tmp_path / precision, precision) for precision in ("fp32", "bf16")}
    dice = {precision: 2 * shared.sum() / total.sum() for precision, (shared, total) in found.items()}
    sums = resampled_sums(np.stack(found["fp32"], axis=1), 1000, seed=0)
    low, _ = interval(2 * sums[:, 0] / sums[:, 1], 0.95)
    assert dice["fp32"] > 0.75, "it learns at all"
    assert dice["bf16"] > low


def overlaps(device: torch.device, folder: Path, precision: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels that the masks of each film that was not trained on share with the truth, and pixels of both."""
    optimiser = {"name": "sgd", "lr": 2e-5, "momentum": 0.9, "weight_decay": 0.0}
    trained = example("deeplabv3_resnet50", device, epochs=40, precision=precision, optimiser=optimiser)
    settings = trained.settings | {"decay": {"every_epochs": 30, "factor": 0.3}}
    task = pair_task(settings, device, FILMS, TRAINED)
    best, _ = fit(trained.model, task, settings, None, folder, folder / "tensorboard", Interval())
    trained.model.load_state_dict(best["published"].weights)
    with torch.inference_mode():
        sums = task.validate(trained.model.eval(), np.arange(task.cases), 0)
    return tuple(sums[name].sum(dim=1).double().cpu().numpy() for name in ("shared", "total"))
