"""Few-shot methods that train: what learns, killed jobs, the epoch that is kept, whose scores are whose."""

import argparse
import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from few_shot_example import small_lists
from findings_store import write_findings
from medfm import extract_features, probe, tune, write_submissions
from medfm.analysis.few_shot import experiments_of, read_lists, scores_of
from medfm.analysis.protocols import TASKS, of_task, truth_of
from medfm.data.submissions import read_submission
from medfm.learning import few_shot_task as learning
from medfm.learning.networks import finding_network
from medfm.learning.tuning import Learned, tuned
from reprise.data.store import Store, open_store, write_store
from reprise.step.errors import InputError
from reprise.step.files import file_sha256
from reprise.training import tracking
from reprise.training.loop import INTERRUPTED
from transformer_examples import SMALL, images_for, small

NETWORK: dict[str, Any] = {
    "network": "vit_base_patch16_224",
    "arguments": {"depth": 2, "embed_dim": 24, "num_heads": 2},
    "initial": "random",
    "seed": 0,
    "precision": "fp32",
    "size": 32,
}
EXPERIMENTS = {"shots": [1], "experiments": [1, 2]}
COSINE = {"cosine_to": 0, "warmup_epochs": 1}
RECIPE = NETWORK | EXPERIMENTS
RECIPE |= {"epochs": 3, "batch_size": 2, "decay": {"published": COSINE | {"warmup_epochs": 3}, "sound": COSINE}}
RECIPE |= {"optimiser": {"name": "adamw", "lr": 1e-2, "momentum": 0.9, "weight_decay": 0.05}, "tokens": 2, "rank": 2}
FROZEN = {"methods": ["prototypes", "linear_probe"], "linear_probe": {"steps": 20, "lr": 0.01, "weight_decay": 0}}


def arguments_of(step: Any, **options: Any) -> argparse.Namespace:
    words: list[str] = []
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, list) else [value])]
    return step.arguments().parse_args(words)


def run_step(step: Any, **options: Any) -> None:
    step.main(arguments_of(step, **options))


def tuning(data: Path, folder: Path, method: str, **changes: Any) -> dict[str, Any]:
    """The options of the step that trains on all support sets by a method."""
    places = {name: folder / method / name for name in ("checkpoints", "tensorboard")}
    places |= {"answers": folder / "vit-seed0" / method, "history": folder / f"{method}_log.csv"}
    settings = json.dumps(RECIPE | changes)
    return {"store": data / "store", "lists": data / "lists.csv", "method": method, "settings": settings} | places


def run_tuning(data: Path, folder: Path, method: str, **changes: Any) -> Store:
    """The answers of that step."""
    options = tuning(data, folder, method, **changes)
    run_step(tune, **options)
    return open_store(options["answers"])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("few_shot")
    write_findings(folder / "store")
    small_lists(open_store(folder / "store").cases, (1,)).to_csv(folder / "lists.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def prompted(data: Path) -> Store:
    return run_tuning(data, data / "whole", "vpt_shallow")


@pytest.mark.parametrize("name", SMALL)
def test_adapters_start_as_no_change_and_learn_alone(name: str) -> None:
    """Each adapter gets a gradient; after a step all arrays but adapters and head have the same bits."""
    images, network = images_for(name), small(name)
    with torch.no_grad():
        plain = network(images)
        model = tuned(network, "lora", {"rank": 2, "size": images.shape[-1]})
        assert torch.allclose(model(images), plain, atol=1e-6)
    before = {name: array.detach().clone() for name, array in network.named_parameters()}
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):  # the inner half of an adapter has no gradient while the outer one is 0
        optimiser.zero_grad()
        model(images).square().sum().backward()
        optimiser.step()
    moved = {name for name, array in network.named_parameters() if not torch.equal(array, before[name])}
    adapters = {name for name in before if ".lora_" in name}
    assert moved == adapters | {"head.weight", "head.bias"} or moved == adapters | {"head.fc.weight", "head.fc.bias"}
    assert len(adapters) >= 2 and len(list(model.parameters())) == len(moved)


@pytest.mark.parametrize(("method", "arrays"), [("vpt_shallow", 1), ("vpt_deep", 2), ("lora", 8)])
def test_checkpoints_hold_what_learns_and_nothing_else(method: str, arrays: int) -> None:
    """Training mode does not reach the network, whose dropout would else act; the state is prompts, adapters, head."""
    network = finding_network("vit_base_patch16_224", 4, 32, NETWORK["arguments"] | {"proj_drop_rate": 0.5})
    model = tuned(network, method, RECIPE)
    assert isinstance(model, Learned) and len(model.state_dict()) == arrays + 2
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(model.train()(images), model.eval()(images))


def test_convolutions_have_no_adapters() -> None:
    network = finding_network("densenet121", 4, 32, {"growth_rate": 4, "block_config": [1, 1, 1, 1]})
    with pytest.raises(InputError, match=r"^lora: expected a transformer, found DenseNet$"):
        tuned(network, "lora", RECIPE)


def test_sound_keeps_the_last_epoch_and_published_the_best_on_its_val_list(data: Path, prompted: Store) -> None:
    log = pd.read_csv(data / "whole/vpt_shallow_log.csv").set_index("training")
    rows = prompted.cases[prompted.cases["split"] == "test"]
    assert list(rows.groupby("protocol").size()) == [3, 6]
    for row in rows.to_dict("records"):
        own = log.loc[row["case"].removeprefix("vpt_shallow-").removesuffix("-test")]
        assert list(own["epoch"]) == [1, 2, 3]
        if row["protocol"] == "sound":
            assert row["epoch"] == 3 and own["val_measure"].isna().all()
        else:
            assert row["epoch"] == own["epoch"].iloc[own["val_measure"].argmax()]


def test_the_epoch_that_is_best_without_images_that_train_is_scored_too(data: Path, prompted: Store) -> None:
    """The list has images 0 to 3, of which 0 and 1 train: a measure of each epoch of all four, and of 2 and 3 alone."""
    shots = learning.Shots("endo", None, None, np.eye(4, dtype=np.uint8)[[0, 1, 0, 1]], RECIPE, torch.device("cpu"))
    shots = shots._replace(truth=shots.truth[:, :2])
    task = learning.few_shot_task(shots, np.array([0, 1, 1]), np.arange(4))
    assert task.choices == {"chosen": learning.CHOSEN, "unseen": learning.UNSEEN}
    scores = np.array([[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.8, 0.2]])  # right of what trains, wrong of all others
    row = task.summary({"scores": scores})
    assert row[learning.UNSEEN] == 1 and row[learning.CHOSEN] == pytest.approx(0.25) == 1 - row["val_measure"]
    whole = learning.few_shot_task(shots, np.arange(4), np.arange(4)).summary({"scores": scores})
    assert np.isinf(whole[learning.UNSEEN]) and whole[learning.CHOSEN] == row[learning.CHOSEN]
    sizes = prompted.cases.groupby(["protocol", "split"]).size().to_dict()
    assert sizes == {
        ("published", "test"): 3,
        ("published", "unseen"): 3,
        ("sound", "test"): 6,
        ("sound", "submission"): 6,
    }
    rows = {
        split: own.set_index("task") for split, own in prompted.cases.query("protocol == 'published'").groupby("split")
    }
    for name in TASKS:
        if rows["test"].loc[name, "epoch"] == rows["unseen"].loc[name, "epoch"]:
            both = [scores_of(prompted, rows[split].loc[name].to_dict() | {"task": name}) for split in rows]
            np.testing.assert_array_equal(*both)


def test_a_list_without_images_that_train_has_no_second_epoch(data: Path) -> None:
    each = next(experiments_of(open_store(data / "store").cases, read_lists(data / "lists.csv"), RECIPE, "published"))
    others = np.setdiff1d(np.arange(20), each.support)
    for validation, names in ((others, ["test"]), (each.support, ["test"]), (np.arange(20), ["test", "unseen"])):
        assert [split for _, split, _ in tune.scored_after(each, validation)] == names


def test_scores_are_those_of_each_training_alone(data: Path, prompted: Store) -> None:
    """One experiment trained by itself, in another order, gives the bits of the store; its scores are in order."""
    store, lists = open_store(data / "store"), read_lists(data / "lists.csv")
    each = [each for each in experiments_of(store.cases, lists, RECIPE, "sound") if each.task == "endo"][1]
    args = arguments_of(tune, **tuning(data, data / "alone", "vpt_shallow"))
    found = next(tune.tuned_answers(args, store.cases, lists, [each]))
    row = prompted.cases.set_index("case").loc[f"vpt_shallow-{each.name}-test"]
    scores = scores_of(prompted, row)
    np.testing.assert_array_equal(scores, found["test"].astype(np.float32))
    assert len(scores) == len(each.scored) and np.ptp(scores, axis=0).min() > 0


def test_a_killed_job_ends_as_one_never_stopped(
    data: Path, prompted: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM inside the fourth training: those before are kept, it goes on, and no checkpoint is left at the end."""
    calls = iter(range(10**6))

    def until_killed(*batch: Any) -> Tensor:
        if next(calls) == 3 * 3 * 2 + 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return training_batch(*batch)

    training_batch = learning.training_batch
    with monkeypatch.context() as killed, pytest.raises(SystemExit) as stopped:
        killed.setattr(learning, "training_batch", until_killed)
        run_tuning(data, tmp_path, "vpt_shallow")
    assert stopped.value.code == INTERRUPTED and not (tmp_path / "vit-seed0").exists()
    begun = next(calls)
    found = run_tuning(data, tmp_path, "vpt_shallow")
    assert begun > 3 * 3 * 2
    np.testing.assert_array_equal(found.arrays["scores"], prompted.arrays["scores"])
    pd.testing.assert_frame_equal(found.cases, prompted.cases)
    whole, again = (folder / "vpt_shallow_log.csv" for folder in (data / "whole", tmp_path))
    assert whole.read_bytes() == again.read_bytes()
    assert [path.name for path in (tmp_path / "vpt_shallow/checkpoints").iterdir()] == ["answers"]


def test_full_training_learns_what_the_images_show(data: Path, tmp_path: Path) -> None:
    """Trained and scored on the colon, whose finding is a large bright square: better than by chance."""
    recipe = {"network": "densenet121", "arguments": {"growth_rate": 8, "block_config": [1, 1, 1, 1]}, "epochs": 8}
    found = run_tuning(data, tmp_path, "full", **recipe, experiments=[1])
    cases = open_store(data / "store").cases
    row = found.cases.set_index("case").loc["full-sound-colon-1-shot-exp1-test"]
    colon = of_task(cases, "colon")
    each = next(
        each for each in experiments_of(cases, read_lists(data / "lists.csv"), RECIPE, "sound") if each.task == "colon"
    )
    truth, scores = truth_of(colon.iloc[each.scored])[:, 0], scores_of(found, row)[:, 0]
    assert scores[truth == 1].mean() > scores[truth == 0].mean()


def test_from_features_to_submissions(data: Path, prompted: Store, tmp_path: Path) -> None:
    """One row of features for each image; nine files a method and experiment have the images without labels."""
    where = {"store": data / "store"}
    run_step(extract_features, **where, settings=json.dumps(NETWORK), features=tmp_path / "features")
    cases, features = open_store(data / "store").cases, open_store(tmp_path / "features")
    assert features.arrays["features"].shape == (len(cases), 24) and list(features.cases["case"]) == list(cases["case"])
    frozen, settings = tmp_path / "vit-seed0/frozen", json.dumps(FROZEN | EXPERIMENTS)
    where |= {"lists": data / "lists.csv"}
    run_step(probe, **where, features=tmp_path / "features", settings=settings, frozen=frozen)
    answers = [frozen, data / "whole/vit-seed0/vpt_shallow"]
    run_step(write_submissions, store=data / "store", answers=answers, submissions=tmp_path / "sent")
    written = sorted(path.relative_to(tmp_path / "sent").as_posix() for path in (tmp_path / "sent").rglob("*.csv"))
    methods = ("linear_probe", "prototypes", "vpt_shallow")
    assert written == [
        f"vit-seed0/{method}/exp{number}/{task}_1-shot_submission.csv"
        for method in methods
        for number in (1, 2)
        for task in TASKS
    ]
    images = [f"endo {number}.png" for number in range(55, 61)]
    scores = read_submission(tmp_path / "sent/vit-seed0/vpt_shallow/exp2/endo_1-shot_submission.csv", images)
    row = prompted.cases.set_index("case").loc["vpt_shallow-sound-endo-1-shot-exp2-submission"]
    np.testing.assert_allclose(scores, scores_of(prompted, row), atol=1e-7)


def test_a_data_set_without_images_to_submit_is_scored_and_gives_no_submission(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases, arrays = open_store(data / "store")
    cases = cases.assign(official="train")
    write_store(tmp_path / "store", cases, arrays)
    args = arguments_of(tune, **tuning(data, tmp_path, "vpt_shallow") | {"store": tmp_path / "store"})
    each = next(experiments_of(cases, read_lists(data / "lists.csv"), RECIPE, "sound"))
    found = next(tune.tuned_answers(args, cases, read_lists(args.lists), [each]))
    assert len(found["test"]) == len(each.scored) > 0 and found["submission"].shape == (0, 19)
    assert write_submissions.submitted_images(cases, "chest") == []
    assert "chest: no images of chest_val.csv, so there is nothing to submit" in capsys.readouterr().err


def test_each_tracked_training_has_the_files_that_hold_its_scores(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"checkpoints": Path("results/checkpoints/medfm/few_shot/vit-seed0/lora"), "tracking": "mlflow"}
    places |= {"answers": Path("results/lora"), "history": Path("results/lora_log.csv")}
    run_step(tune, **tuning(data, tmp_path, "lora", experiments=[1], epochs=1) | places)
    with closing(sqlite3.connect(tracking.DATABASE)) as database:
        runs = dict(database.execute("SELECT run_uuid, name FROM runs").fetchall())
        rows = database.execute("SELECT run_uuid, key, value FROM tags").fetchall()
    assert sorted(runs.values()) == [f"few_shot/vit-seed0/lora/sound-{task}-1-shot-exp1" for task in TASKS]
    scores, log = (places[name] / part for name, part in (("answers", "scores.npy"), ("history", "")))
    for run in runs:
        tags = {key: value for each, key, value in rows if each == run}
        assert tags["lora/scores.npy"] == f"{scores} sha256:{file_sha256(scores)}"
        assert tags["lora_log.csv"] == f"{log} sha256:{file_sha256(log)}"
        (kept,) = tracking.ARTEFACTS.glob(f"*/{run}/artifacts/lora_log.csv")
        assert kept.read_bytes() == log.read_bytes()


def test_features_of_other_images_are_one_line(data: Path, tmp_path: Path) -> None:
    run_step(extract_features, store=data / "store", settings=json.dumps(NETWORK), features=tmp_path / "features")
    cases, arrays = open_store(tmp_path / "features")
    write_store(tmp_path / "other", cases[::-1], arrays)
    with pytest.raises(InputError, match="features of other images than the store has"):
        run_step(
            probe,
            store=data / "store",
            lists=data / "lists.csv",
            features=tmp_path / "other",
            settings=json.dumps(FROZEN | EXPERIMENTS),
            frozen=tmp_path / "frozen",
        )
