"""The training loop: sample order, resuming bit for bit, checkpoints that are damaged, signals."""

import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from reprise.errors import InputError
from reprise.training.checkpoint import checkpoints, locked, read_checkpoint, save_checkpoint
from reprise.training.loop import INTERRUPTED, Task, fit, learning_rate
from reprise.training.sampler import batches, integers, uniform

SETTINGS = {
    "epochs": 3,
    "batch_size": 4,
    "seed": 7,
    "precision": "fp32",
    "optimiser": {"name": "sgd", "lr": 0.05, "momentum": 0.9, "weight_decay": 1e-4},
    "decay": {"every_epochs": 2, "factor": 0.1},
}
X = torch.linspace(-1, 1, 26 * 3).reshape(26, 3).sin()
Y = X.sum(dim=1, keepdim=True) ** 2


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 1))


def task(stop_after: int | None = None, stop_with: signal.Signals = signal.SIGTERM) -> Task:
    """A small regression; after `stop_after` losses it sends this process a signal."""
    calls = iter(range(10**6))

    def loss(model: nn.Module, samples: np.ndarray, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
        if next(calls) == stop_after:
            os.kill(os.getpid(), stop_with)
        error = ((model(X[samples]) - Y[samples]) ** 2).sum()
        return error / len(samples), error

    def validate(model: nn.Module, epoch: int) -> dict[str, float]:
        return {"val_loss": float(((model(X) - Y) ** 2).mean())}

    return Task(len(X), loss, validate, {"best": "val_loss"})


@pytest.mark.parametrize("stop_after", [0, 4, 6, 11, 17])
def test_interrupted_run_ends_as_one_never_stopped(tmp_path: Path, stop_after: int) -> None:
    whole, whole_history = fit(network(), task(), SETTINGS, tmp_path / "whole", tmp_path / "tb")
    with pytest.raises(SystemExit) as stopped:
        fit(network(), task(stop_after), SETTINGS, tmp_path / "killed", tmp_path / "tb")
    assert stopped.value.code == INTERRUPTED
    again, history = fit(network(), task(), SETTINGS, tmp_path / "killed", tmp_path / "tb")
    pd.testing.assert_frame_equal(history, whole_history, check_exact=True)
    assert again["best"].epoch == whole["best"].epoch
    for name, tensor in whole["best"].weights.items():
        assert torch.equal(tensor, again["best"].weights[name]), name


@pytest.mark.parametrize("damage", ["truncate", "flip a bit", "empty", "not a checkpoint"])
def test_damaged_checkpoint_is_passed_over(tmp_path: Path, damage: str, capfd: pytest.CaptureFixture[str]) -> None:
    _, whole_history = fit(network(), task(), SETTINGS, tmp_path / "whole", tmp_path / "tb")
    with pytest.raises(SystemExit):
        fit(network(), task(15), SETTINGS, tmp_path / "killed", tmp_path / "tb")
    newest, older = checkpoints(tmp_path / "killed", "last")
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    replaced = {"truncate": content[: len(content) // 2], "flip a bit": content, "empty": b"", "not a checkpoint": b"x"}
    newest.write_bytes(replaced[damage])
    _, history = fit(network(), task(), SETTINGS, tmp_path / "killed", tmp_path / "tb")
    pd.testing.assert_frame_equal(history, whole_history, check_exact=True)
    assert f"{newest}: damaged" in capfd.readouterr().err
    assert older.name != newest.name


def test_checkpoint_of_other_settings_is_not_used(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fit(network(), task(5), SETTINGS, tmp_path, tmp_path / "tb")
    other = SETTINGS | {"batch_size": 5}
    _, history = fit(network(), task(), other, tmp_path, tmp_path / "tb")
    _, fresh = fit(network(), task(), other, tmp_path / "fresh", tmp_path / "tb")
    pd.testing.assert_frame_equal(history, fresh, check_exact=True)
    assert "made by other code, data or settings" in capfd.readouterr().err


def test_full_disk_keeps_the_last_good_checkpoint(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert save_checkpoint(tmp_path, "last", 1, {"x": 1}, "me")
    (tmp_path / ".checkpoint.part").symlink_to("/dev/full")
    assert not save_checkpoint(tmp_path, "last", 2, {"x": 2}, "me")
    assert "No space left on device" in capfd.readouterr().err
    assert [path.name for path in checkpoints(tmp_path, "last")] == ["last-000000001.ckpt"]
    assert read_checkpoint(checkpoints(tmp_path, "last")[0], "me", torch.device("cpu")) == {"x": 1}


def test_second_process_in_one_folder_leaves(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(InputError, match="another process is training here"), locked(tmp_path):
        pass


def test_diverging_loss_is_one_clear_error(tmp_path: Path) -> None:
    wild = SETTINGS | {"optimiser": SETTINGS["optimiser"] | {"lr": 1e9}}
    with pytest.raises(InputError, match="not finite; lower optimiser: lr"):
        fit(network(), task(), wild, tmp_path, tmp_path / "tb")


def test_learning_rate_falls_by_steps() -> None:
    assert [learning_rate(SETTINGS, epoch) for epoch in (0, 1, 2, 4)] == pytest.approx([0.05, 0.05, 0.005, 0.0005])


@given(st.integers(1, 200), st.integers(1, 64), st.integers(0, 9), st.integers(0, 9))
def test_an_epoch_shows_each_sample_at_most_once(count: int, size: int, seed: int, epoch: int) -> None:
    parts = list(batches(count, size, seed, epoch))
    seen = np.concatenate(parts)
    assert len(set(seen)) == len(seen) == max(count // size, 1) * min(size, count)
    assert all(np.array_equal(a, b) for a, b in zip(parts, batches(count, size, seed, epoch), strict=True))


@given(st.integers(0, 2**31), st.integers(0, 1000), st.permutations(range(50)))
def test_a_samples_draw_does_not_depend_on_its_batch(seed: int, epoch: int, order: list[int]) -> None:
    samples = np.array(order)
    together = integers(seed, epoch, samples, 1, 24)
    assert all(together[place] == integers(seed, epoch, np.array(order[place]), 1, 24) for place in (0, 17, 49))
    assert together.min() >= 0 and together.max() < 24


def test_draws_are_uniform_and_differ_by_epoch_and_stream() -> None:
    draws = uniform(0, 0, np.arange(100_000), 0)
    assert np.histogram(draws, 10, (0, 1))[0] == pytest.approx(np.full(10, 10_000), rel=0.05)
    for other in (
        uniform(0, 1, np.arange(1000), 0),
        uniform(0, 0, np.arange(1000), 1),
        uniform(1, 0, np.arange(1000), 0),
    ):
        assert abs(np.corrcoef(draws[:1000], other)[0, 1]) < 0.15
