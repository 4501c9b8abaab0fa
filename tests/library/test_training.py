"""The training loop: resuming bit for bit, checkpoints that are damaged, signals."""

import errno
import fcntl
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from reprise.step.errors import InputError
from reprise.step.lock import locked
from reprise.training.checkpoint import checkpoint_path, checkpoints, read_checkpoint, save_checkpoint
from reprise.training.interval import interval
from reprise.training.loop import INTERRUPTED, Chosen, fit
from reprise.training.optimiser import clip_gradients, learning_rate, optimiser_of, take_step
from reprise.training.task import Task

SETTINGS = {
    "epochs": 3,
    "batch_size": 4,
    "seed": 7,
    "precision": "fp32",
    "optimiser": {"name": "sgd", "lr": 0.05, "momentum": 0.9, "weight_decay": 1e-4},
    "decay": {"every_epochs": 2, "factor": 0.1},
}
LONG = SETTINGS | {"epochs": 12}
X = torch.linspace(-1, 1, 26 * 3).reshape(26, 3).sin()
Y = X.sum(dim=1, keepdim=True) ** 2


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 1))


def task(stop_after: int | None = None, stop_with: signal.Signals = signal.SIGTERM) -> Task:
    """A small regression; after `stop_after` losses it sends this process a signal."""
    calls = iter(range(10**6))

    def check() -> None:
        if next(calls) == stop_after:
            os.kill(os.getpid(), stop_with)

    def load(samples: np.ndarray, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
        check()
        return X[samples], Y[samples]

    def predict(model: nn.Module, pair: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        return model(pair[0]), pair[1]

    def validate(model: nn.Module, cases: np.ndarray, epoch: int) -> dict[str, torch.Tensor]:
        check()
        return {"error": ((model(X[cases]) - Y[cases]) ** 2)[:, 0]}

    def summary(found: dict[str, np.ndarray]) -> dict[str, float]:
        return {"val_loss": float(found["error"].mean())}

    at_a_time, choices = SETTINGS["batch_size"], {"best": "val_loss"}
    return Task(len(X), load, predict, nn.MSELoss(), len(X), at_a_time, validate, summary, choices)


def train(
    folder: Path,
    work: Task | None = None,
    settings: dict[str, Any] = SETTINGS,
    data: str = "a store",
    every: str = "60 seconds",
    compile_mode: str | None = None,
) -> tuple[dict[str, Chosen], pd.DataFrame]:
    tensorboard = folder / "tensorboard"
    return fit(network(), work or task(), settings, data, folder, tensorboard, interval(every), compile_mode)


def assert_same(one: tuple, other: tuple) -> None:
    """Two results of training are the same, bit for bit."""
    pd.testing.assert_frame_equal(one[1], other[1], check_exact=True)
    assert one[0]["best"].epoch == other[0]["best"].epoch
    for name, tensor in one[0]["best"].weights.items():
        assert torch.equal(tensor, other[0]["best"].weights[name]), name


# An epoch is 6 steps of training and 7 batches of validation.
@pytest.mark.parametrize("every", ["60 seconds", "1 steps"])
@pytest.mark.parametrize("stop_after", [0, 4, 5, 6, 9, 12, 13, 25, 37])
def test_interrupted_run_ends_as_one_never_stopped(tmp_path: Path, stop_after: int, every: str) -> None:
    whole = train(tmp_path / "whole")
    with pytest.raises(SystemExit) as stopped:
        train(tmp_path / "killed", task(stop_after), every=every)
    assert stopped.value.code == INTERRUPTED
    assert_same(train(tmp_path / "killed", every=every), whole)


def test_warning_of_grid_engine_lets_a_training_save_its_state(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        train(tmp_path / "killed", task(15, signal.SIGUSR2))
    assert stopped.value.code == INTERRUPTED
    assert_same(train(tmp_path / "killed"), train(tmp_path / "whole"))
    assert "going on from epoch 2" in capfd.readouterr().err


@pytest.mark.parametrize("kind", ["last", "best"])
@pytest.mark.parametrize("damage", ["truncate", "flip a bit", "empty", "not a checkpoint"])
def test_damaged_checkpoint_is_passed_over(
    tmp_path: Path, damage: str, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = train(tmp_path / "whole")
    with pytest.raises(SystemExit):
        train(tmp_path / "killed", task(29), every="1 steps")
    newest, *_ = checkpoints(tmp_path / "killed", "last")
    victim, *_ = checkpoints(tmp_path / "killed", kind)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    replaced = {"truncate": content[: len(content) // 2], "flip a bit": content, "empty": b"", "not a checkpoint": b"x"}
    victim.write_bytes(replaced[damage])
    assert_same(train(tmp_path / "killed"), whole)
    said = capfd.readouterr().err
    assert f"{newest}: damaged" in said
    assert ("going on from" in said) is (kind == "last")


@pytest.mark.parametrize("state", [{}, {"best": 3}, {"best": {"best": {}}}, [1], {"best": {}, "model": {}}])
def test_a_checkpoint_with_other_things_in_it_is_one_line(
    tmp_path: Path, state: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        train(tmp_path / "killed", task(29), every="1 steps")
    newest, *older = checkpoints(tmp_path / "killed", "last")
    identity = json.loads(newest.read_bytes().partition(b"\n")[0])["identity"]
    for path in older:
        path.unlink()
    save_checkpoint(newest, state, identity)
    if "model" in state:
        with pytest.raises(InputError, match="its newest checkpoint does not fit this run; delete it"):
            train(tmp_path / "killed")
    else:
        train(tmp_path / "killed")
        assert f"{newest}: damaged" in capfd.readouterr().err


def test_checkpoint_of_other_settings_or_data_is_not_used(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    other = SETTINGS | {"batch_size": 5}
    for changed in ({"settings": other}, {"data": "another store"}):
        with pytest.raises(SystemExit):
            train(tmp_path / "killed", task(5))
        assert_same(train(tmp_path / "killed", **changed), train(tmp_path / f"fresh {[*changed]}", **changed))
        assert "made by other code, data or settings" in capfd.readouterr().err
        shutil.rmtree(tmp_path / "killed")


def test_run_that_ended_gives_its_result_again_without_training(tmp_path: Path) -> None:
    whole = train(tmp_path)
    assert_same(train(tmp_path, task(stop_after=0)), whole)


def test_best_weights_outlive_many_improvements(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train(tmp_path, task(100), LONG, every="20 steps")
    assert len(checkpoints(tmp_path, "last")) == 2 and len(checkpoints(tmp_path, "best")) <= 3
    checkpoints(tmp_path, "last")[0].write_bytes(b"")
    assert_same(train(tmp_path, settings=LONG, every="20 steps"), train(tmp_path / "whole", settings=LONG))
    assert "going on from" in capfd.readouterr().err


def test_full_disk_keeps_the_last_good_checkpoint(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first, second = (checkpoint_path(tmp_path, "last", number) for number in (1, 2))
    assert save_checkpoint(first, {"x": 1}, "me")
    (tmp_path / ".checkpoint.part").symlink_to("/dev/full")
    assert not save_checkpoint(second, {"x": 2}, "me")
    assert "No space left on device" in capfd.readouterr().err
    assert checkpoints(tmp_path, "last") == [first]
    assert read_checkpoint(first, "me", torch.device("cpu")) == {"x": 1}


def test_second_process_in_one_folder_leaves_and_names_the_first(tmp_path: Path) -> None:
    message = f"another process is at work here .process {os.getpid()} on"
    with locked(tmp_path), pytest.raises(InputError, match=message), locked(tmp_path):
        pass


def test_disk_without_locks_is_said_and_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path):
        assert "this disk has no locks" in capfd.readouterr().err


@pytest.mark.parametrize("text", ["", "60", "x seconds", "0 steps", "-1 seconds", "5 minutes", "nan steps"])
def test_interval_must_be_seconds_or_steps(text: str) -> None:
    with pytest.raises(ValueError):
        interval(text)


def test_diverging_loss_is_one_clear_error(tmp_path: Path) -> None:
    wild = SETTINGS | {"optimiser": SETTINGS["optimiser"] | {"lr": 1e9}}
    with pytest.raises(InputError, match="not finite; lower optimiser: lr"):
        train(tmp_path, settings=wild)


def test_logged_loss_is_the_mean_per_term_whether_the_loss_is_a_mean_or_a_sum(tmp_path: Path) -> None:
    one_epoch = SETTINGS | {"epochs": 1, "optimiser": SETTINGS["optimiser"] | {"lr": 0}}
    summed = task()._replace(loss=nn.MSELoss(reduction="sum"), terms_per_sample=1)
    losses = [
        train(tmp_path / name, work, one_epoch)[1]["train_loss"][0] for name, work in (("a", None), ("b", summed))
    ]
    assert losses[0] == pytest.approx(losses[1])


def test_what_training_watches_is_the_mean_over_samples_and_survives_a_kill(tmp_path: Path) -> None:
    def watching(work: Task) -> Task:
        return work._replace(
            watched=("error", "count"), watch=lambda y, t: torch.stack([(y - t).abs().mean(), t.sum() * 0 + 3])
        )

    settings = SETTINGS | {"batch_size": 5}
    whole = train(tmp_path / "whole", watching(task()), settings)
    assert [*whole[1]][:4] == ["epoch", "train_loss", "error", "count"] and set(whole[1]["count"]) == {3.0}
    assert (whole[1]["error"] ** 2 <= whole[1]["train_loss"]).all() and (whole[1]["error"] > 0).all()
    with pytest.raises(SystemExit):
        train(tmp_path / "killed", watching(task(stop_after=3)), settings)
    assert_same(train(tmp_path / "killed", watching(task()), settings), whole)
    unwatched = train(tmp_path / "plain", task(), settings)
    assert unwatched[1].equals(whole[1].drop(columns=["error", "count"])), "watching changes nothing"


def test_learning_rate_falls_by_steps() -> None:
    assert [learning_rate(SETTINGS, epoch) for epoch in (0, 1, 2, 4)] == pytest.approx([0.05, 0.05, 0.005, 0.0005])


def rates(decay: dict[str, Any], *epochs: float) -> list[float]:
    return [learning_rate(SETTINGS | {"epochs": 20, "decay": decay}, epoch) / 0.05 for epoch in epochs]


def test_learning_rate_falls_at_milestones_along_a_cosine_and_rises_before() -> None:
    steps = rates({"milestones": [3, 6, 90], "factor": 0.1}, 0, 2.9, 3, 5, 6, 19)
    assert steps == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    assert rates({"cosine_to": 0.2}, 0, 5, 10, 20) == pytest.approx([1, 0.2 + 0.8 * (1 + 0.5**0.5) / 2, 0.6, 0.2])
    assert rates({"cosine_to": 0, "warmup_epochs": 4}, 0, 2, 4, 10) == pytest.approx(
        [1e-3, (1e-3 + 1) / 2 * (1 + np.cos(np.pi / 10)) / 2, (1 + np.cos(np.pi / 5)) / 2, 0.5]
    )
    never = rates({"cosine_to": 1, "warmup_epochs": 40}, 0, 10, 19.9)
    assert never == pytest.approx([1e-3, 0.25, 0.4975], abs=1e-3), "the full rate is not reached"


def test_the_rate_changes_with_each_step_and_a_killed_training_goes_on_with_it(tmp_path: Path) -> None:
    settings = SETTINGS | {"decay": {"cosine_to": 0, "warmup_epochs": 2}, "clip": 0.5}
    whole = train(tmp_path / "whole", task(), settings)
    with pytest.raises(SystemExit):
        train(tmp_path / "killed", task(stop_after=8), settings)
    assert_same(train(tmp_path / "killed", task(), settings), whole)
    flat = train(tmp_path / "flat", task(), settings | {"decay": {"cosine_to": 1, "warmup_epochs": 10**6}})
    assert whole[1]["train_loss"].iloc[0] < flat[1]["train_loss"].iloc[0], "the rate rises within the first epoch"


def test_gradients_together_are_no_longer_than_the_limit() -> None:
    model = network()
    (1e3 * model(X)).sum().backward()
    before = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
    clip_gradients(model, None)
    assert torch.equal(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]), before)
    clip_gradients(model, 2.0)
    after = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
    assert after.norm() == pytest.approx(2, rel=1e-4) and torch.allclose(after / 2, before / before.norm(), atol=1e-6)


def test_biases_and_what_the_network_names_do_not_decay_if_the_recipe_says_so() -> None:
    model = network()
    model.no_weight_decay = lambda: {"4.weight"}
    start = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for vectors in (True, False):
        model.load_state_dict(start, strict=False)
        optimiser = optimiser_of(model, "sgd", 0.5, 0.0, 0.1, decay_vectors=vectors)
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        take_step(optimiser)
        for name, parameter in model.named_parameters():
            decays = vectors or name == "0.weight"
            assert torch.allclose(parameter, start[name] * (0.95 if decays else 1))
