"""Training by the three protocols: what it learns, which epoch is kept, and what is written."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from findings_store import RECIPES, task_cases, write_findings
from medfm import train
from medfm.analysis.protocols import CHOOSING, TASKS, split_of, truth_of
from medfm.data.published_counts import IMAGES
from medfm.learning import task as learning
from medfm.learning.images import evaluation_batch, images_of
from medfm.learning.prediction import load_finding_network
from medfm.learning.task import finding_task, loss_of, measures, with_warmup_in_epochs
from reprise.models.weights import save_model
from reprise.step.errors import InputError
from reprise.training.loop import INTERRUPTED
from reprise.training.optimiser import WARMUP_START, learning_rate

CPU = torch.device("cpu")
OUTPUTS = {"weights": "weights.safetensors", "history": "log.csv", "scores": "scores.csv"}


def run_training(store: Path, folder: Path, protocol: str, task: str, recipe: dict[str, Any], *more: str) -> Path:
    """Train for one task; the folder with the results."""
    places = {name: folder / name for name in ("checkpoints", "tensorboard")}
    places |= {name: folder / file for name, file in OUTPUTS.items()}
    words = ["--store", str(store), "--settings", json.dumps(recipe), "--protocol", protocol, "--task", task, *more]
    train.main(train.arguments().parse_args(words + [w for k, v in places.items() for w in (f"--{k}", str(v))]))
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_findings(tmp_path_factory.mktemp("medfm") / "store")


@pytest.fixture(scope="module")
def results(store: Path) -> dict[tuple[str, str], Path]:
    """The results of each protocol; each takes another task, and by_challenge two."""
    pairs = [("by_writeup", "colon"), ("by_challenge", "endo"), ("by_challenge", "colon"), ("sound", "chest")]
    folder = store.parent
    return {pair: run_training(store, folder / "-".join(pair), *pair, RECIPES[pair[0]]) for pair in pairs}


@pytest.mark.parametrize("task", TASKS)
def test_a_warm_up_in_steps_has_as_many_in_each_task(task: str) -> None:
    """The published ViT has 10,000 steps of warm-up, of which the tasks have 185 to 419 in an epoch of their images."""
    samples = IMAGES[task]["train_20"]
    recipe = RECIPES["sound"] | {"batch_size": 4, "epochs": 20}
    asked = recipe | {"decay": {"cosine_to": 1, "warmup_steps": 10000}}
    found = with_warmup_in_epochs(asked, samples)
    assert set(found["decay"]) == {"cosine_to", "warmup_epochs"} and "warmup_steps" in asked["decay"]
    step = 2000
    rate = learning_rate(found, step / (samples // 4)) / recipe["optimiser"]["lr"]
    assert rate == pytest.approx(WARMUP_START + (1 - WARMUP_START) * step / 10000)
    assert with_warmup_in_epochs(recipe, samples) == recipe


def test_a_training_takes_its_warm_up_in_steps(store: Path, tmp_path: Path) -> None:
    """The rate at the beginning of two epochs, by the steps that an epoch has here."""
    decay = {"cosine_to": 1, "warmup_steps": 1000}
    recipe = RECIPES["by_challenge"] | {"decay": decay, "epochs": 2}
    log = pd.read_csv(run_training(store, tmp_path, "by_challenge", "endo", recipe) / "log.csv")
    cases, _ = task_cases(store, "endo")
    steps = int((split_of(cases, "by_challenge", 0, recipe) == "train").sum()) // recipe["batch_size"]
    full = recipe["optimiser"]["lr"]
    assert log["lr"].tolist() == pytest.approx(
        [full * (WARMUP_START + (1 - WARMUP_START) * epoch * steps / 1000) for epoch in (0, 1)]
    )


def test_scores_are_of_the_test_images_at_the_chosen_epoch(store: Path, results: dict[tuple[str, str], Path]) -> None:
    for (protocol, task), folder in results.items():
        cases, array = task_cases(store, task)
        log, scores = pd.read_csv(folder / "log.csv"), pd.read_csv(folder / "scores.csv")
        watched = "test" if protocol == "by_writeup" else "val"
        columns = [f"{watched}_{name}" for name in ("map", "auc", "accuracy")]
        assert list(log) == ["epoch", "train_loss", *columns, "lr"]
        model, info = load_finding_network(folder / "weights.safetensors", CPU)
        assert info["epoch"] == log["epoch"][log[f"{watched}_{CHOOSING[protocol][task]}"].idxmax()]
        split = split_of(cases, protocol, 0, RECIPES[protocol])
        assert scores["case"].tolist() == cases["case"][split == "test"].tolist() and set(scores["split"]) == {"test"}
        assert list(scores) == ["case", "split", *TASKS[task]]
        rows = cases["row"][split == "test"].to_numpy()
        batch = evaluation_batch(images_of(cases, array, CPU), rows, 32, RECIPES[protocol].get("resize"), CPU)
        with torch.inference_mode():
            logits = model(batch).double()
        expected = logits.softmax(dim=1)[:, 1:] if task == "colon" else logits.sigmoid()
        assert np.allclose(scores[list(TASKS[task])], expected, atol=1e-5)
        assert info["settings"]["initial"] == "random", "the report says of what weights a training started"
        if protocol == "by_writeup":
            found = measures(truth_of(cases[split == "test"]), scores[list(TASKS[task])].to_numpy())
            assert list(found.values()) == pytest.approx(log.loc[info["epoch"] - 1, columns].tolist(), abs=1e-6)


def test_measures_are_those_of_scikit_learn_without_what_is_undefined() -> None:
    random = np.random.default_rng(0)
    truth, scores = random.integers(0, 2, (50, 4)), random.random((50, 4)).round(1)
    truth[:, 2], truth[:, 3] = 0, 1
    found = measures(truth, scores)
    assert found["map"] == pytest.approx(
        np.mean([average_precision_score(truth[:, f], scores[:, f]) for f in (0, 1, 3)])
    )
    assert found["auc"] == pytest.approx(np.mean([roc_auc_score(truth[:, f], scores[:, f]) for f in (0, 1)]))
    assert found["accuracy"] == np.mean((scores > 0.5) == truth)
    assert np.isnan(list(measures(truth[:, 2:3], scores[:, 2:3]).values())).tolist() == [True, True, False]


def test_the_write_up_counts_an_undefined_finding_in_its_history_as_in_its_scores(store: Path) -> None:
    cases, array = task_cases(store, "endo")
    cases["labels"] = cases["labels"].str[:3] + "0"
    recipe = RECIPES["by_writeup"] | {"seed": 0}
    truth = truth_of(cases[split_of(cases, "by_writeup", 0, recipe) == "test"])
    scores = np.random.default_rng(1).random(truth.shape)
    found = finding_task("endo", "by_writeup", cases, array, recipe, CPU).summary({"scores": scores})
    ap = [average_precision_score(truth[:, f], scores[:, f]) for f in range(3)]
    assert found["test_map"] == pytest.approx(sum(ap) / 4), "as `map` and `map_epoch5` of metrics.csv"


def test_a_network_learns_what_is_to_be_seen(store: Path, tmp_path: Path) -> None:
    recipe = RECIPES["sound"] | {"epochs": 12}
    log = pd.read_csv(run_training(store, tmp_path, "sound", "colon", recipe) / "log.csv")
    assert log["train_loss"].iloc[-1] < 0.8 * log["train_loss"].iloc[0]


def test_losses_are_those_of_the_heads() -> None:
    logits, truth = torch.randn(5, 2), torch.tensor([[0.0], [1], [1], [0], [1]])
    assert torch.equal(loss_of("colon", True)(logits, truth), cross_entropy(logits, truth[:, 0].long()))
    both = torch.cat([truth, 1 - truth], dim=1)
    assert torch.equal(loss_of("endo", False)(logits, both), binary_cross_entropy_with_logits(logits, both))


@pytest.mark.parametrize(("protocol", "times"), [("by_writeup", 4), ("by_challenge", 4), ("sound", 1)])
def test_published_losses_are_sums_over_findings(store: Path, protocol: str, times: int) -> None:
    cases, array = task_cases(store, "endo")
    loss = finding_task("endo", protocol, cases, array, RECIPES[protocol] | {"seed": 0}, CPU).loss
    logits, truth = torch.randn(5, 4), torch.randint(0, 2, (5, 4)).float()
    each = [binary_cross_entropy_with_logits(logits[:, f], truth[:, f]) for f in range(4)]
    assert loss(logits, truth).item() == pytest.approx(times * torch.stack(each).mean().item(), rel=1e-5)


def test_a_killed_training_ends_as_one_never_stopped(
    store: Path, results: dict[tuple[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, plain = iter(range(10**6)), learning.training_batch

    def killed(*args: Any) -> torch.Tensor:
        if next(count) == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return plain(*args)

    monkeypatch.setattr(learning, "training_batch", killed)
    with pytest.raises(SystemExit) as caught:
        run_training(store, tmp_path, "sound", "chest", RECIPES["sound"])
    assert caught.value.code == INTERRUPTED and not (tmp_path / "scores.csv").exists()
    run_training(store, tmp_path, "sound", "chest", RECIPES["sound"])
    for file in OUTPUTS.values():
        assert (tmp_path / file).read_bytes() == (results["sound", "chest"] / file).read_bytes()


def test_training_starts_from_the_weights_of_a_file(
    store: Path, results: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    start = results["by_challenge", "endo"] / "weights.safetensors"
    still = {"name": "sgd", "lr": 0, "momentum": 0, "weight_decay": 0}
    recipe = RECIPES["by_challenge"] | {"initial": "imagenet", "epochs": 1, "optimiser": still}
    run_training(store, tmp_path, "by_challenge", "colon", recipe, "--initial", str(start))
    before, after = (load_finding_network(folder / "weights.safetensors", CPU)[0].state_dict() for folder in
                     (results["by_challenge", "endo"], tmp_path))  # fmt: skip
    same = {name for name, tensor in after.items() if torch.equal(tensor, before[name])}
    assert {name for name in after if "running" not in name and "num" not in name} - same == {
        "classifier.weight",
        "classifier.bias",
    }


def test_what_cannot_be_trained_is_one_line(store: Path, results: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    cases, array = task_cases(store, "endo")
    with pytest.raises(InputError, match="expected a size of at most 30 px"):
        finding_task("endo", "by_writeup", cases, array, RECIPES["by_writeup"] | {"resize": 30}, CPU)
    model, info = load_finding_network(results["sound", "chest"] / "weights.safetensors", CPU)
    for changes, message in (
        ({"task": "brain"}, "expected weights of one of chest, colon, endo, found brain"),
        ({"task": "colon"}, "weights of another network than densenet121"),
        ({"settings": info["settings"] | {"arguments": {"growth": 8}}}, "timm makes no such network"),
        ({"settings": info["settings"] | {"arguments": {"growth_rate": 10**9}}}, "no settings.arguments in its header"),
    ):
        save_model(tmp_path / "weights.safetensors", model, info | changes)
        with pytest.raises(InputError, match=message):
            load_finding_network(tmp_path / "weights.safetensors", CPU)
