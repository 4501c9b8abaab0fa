"""Training by both protocols, and prediction: histories, the epochs that are kept, and what goes to the store."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from acdc import predict, publish_slices, train
from acdc.analysis.protocols import splits
from acdc.data.conversion import slices_of
from acdc.learning.losses import published_loss
from acdc.learning.networks import logits_of
from acdc.learning.prediction import load_heart_network, probabilities_of
from acdc.learning.slice_tasks import HeartSource, compared, published_task, snapshot_epochs, sound_task
from acdc_dataset import small_store
from reprise.data.store import Store, open_store
from reprise.training.class_losses import dice_ce_loss

RECIPE: dict[str, Any] = {
    "seed": 0,
    "precision": "fp32",
    "width": 0.125,
    "weights": "random",
    "batch_size": 8,
    "epochs": 4,
}
RECIPE |= {"optimiser": {"name": "adamw", "lr": 1e-2, "momentum": 0.9, "weight_decay": 0}}
RECIPE |= {"decay": {"every_epochs": None, "factor": 1}, "validation": 2}
SOUND = RECIPE | {
    "network": "linknet",
    "snapshots": 2,
    "epochs": 12,
    "batch_size": 4,
    "size": 32,
    "normalisation": {"spacing_mm": 2.0},
}
PUBLISHED = RECIPE | {"network": "fpn", "snapshots": 0, "size": 32, "normalisation": {"slices": 4}}
SLICES = {"size": 32, "slices": 4, "draws": 2, "test_draws": 1, "validation": 0.2, "seed": 42}
BLOCKS = SOUND | {"network": "unet_3d", "snapshots": 0, "block": [16, 32, 32], "blocks_a_scan": 1, "epochs": 1}


def run_step(step: Any, **options: Any) -> None:
    words = [(f"--{name.replace('_', '-')}", str(value)) for name, value in options.items()]
    step.main(step.arguments().parse_args([word for pair in words for word in pair]))


def train_and_predict(store: Path, folder: Path, protocol: str, recipe: dict[str, Any], flips: bool) -> Path:
    outputs = {"weights": folder / "weights.safetensors", "snapshots": folder / "snapshots"}
    places = {
        "checkpoints": folder / "checkpoints",
        "tensorboard": folder / "tensorboard",
        "history": folder / "log.csv",
    }
    run_step(train, store=store, settings=json.dumps(recipe), protocol=protocol, **outputs, **places)
    more = {"checkpoints": folder / "parts", "probabilities": folder / "probabilities"}
    run_step(predict, store=store, settings=json.dumps({"flips": flips}), protocol=protocol, **outputs, **more)
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("acdc")
    small_store(folder / "store", training=10, testing=5)
    run_step(publish_slices, store=folder / "store", settings=json.dumps(SLICES), slices=folder / "slices")
    return folder


@pytest.fixture(scope="module")
def sound(study: Path) -> Path:
    return train_and_predict(study / "store", study / "sound", "sound", SOUND, flips=True)


@pytest.fixture(scope="module")
def published(study: Path) -> Path:
    return train_and_predict(study / "slices", study / "published", "published", PUBLISHED, flips=False)


def dice_of(probabilities: Store, store: Store, name: str) -> pd.Series:
    """Mean Dice over structures by split."""
    voxels = [store.arrays["labels"][case["offset"] :][: case["slices"] * 32 * 32] for _, case in
              store.cases.set_index("case").loc[probabilities.cases["case"]].iterrows()]  # fmt: skip
    rows = []
    for case, truth in zip(probabilities.cases.to_dict("records"), voxels, strict=True):
        found = probabilities.arrays[name][case["offset"] :][: len(truth)].argmax(axis=1)
        rows += [
            (
                case["split"],
                2 * ((found == label) & (truth == label)).sum() / ((found == label).sum() + (truth == label).sum()),
            )
            for label in (1, 2, 3)
        ]
    return pd.DataFrame(rows, columns=["split", "dice"]).groupby("split")["dice"].mean()


def test_sound_learns_and_predicts_validation_and_test_patients_on_their_own_grid(study: Path, sound: Path) -> None:
    store, found, log = open_store(study / "store"), open_store(sound / "probabilities"), pd.read_csv(sound / "log.csv")
    split = splits(store.cases, 2)
    assert found.cases["case"].tolist() == store.cases["case"][split != "train"].tolist()
    assert found.cases["split"].tolist() == split[split != "train"].tolist()
    assert set(found.arrays) == {"plain", "flips", "snapshot1", "snapshot2"}
    assert all(array.shape == (len(found.cases) * 4 * 32 * 32, 4) for array in found.arrays.values())
    assert all(array.dtype == np.float16 for array in found.arrays.values())
    np.testing.assert_allclose(found.arrays["flips"].astype(float).sum(axis=1), 1, atol=2e-3)
    assert list(log) == ["epoch", "train_loss", "val_loss", "val_dice", "lr"]
    dice = dice_of(found, store, "plain")
    assert dice["val"] > 0.4 and dice["test"] > 0.4
    assert dice["val"] == pytest.approx(log["val_dice"].max(), abs=0.05), "the best epoch, on another grid"


def test_weights_are_of_the_best_epoch_and_snapshots_of_theirs(sound: Path) -> None:
    log, cpu = pd.read_csv(sound / "log.csv"), torch.device("cpu")
    _, info = load_heart_network(sound / "weights.safetensors", cpu)
    assert info["epoch"] == log["epoch"][log["val_dice"].idxmax()]
    epochs = [load_heart_network(sound / f"snapshots/snapshot{n}.safetensors", cpu)[1]["epoch"] for n in (1, 2)]
    assert epochs == [9, 12]
    assert snapshot_epochs({"snapshots": 3, "epochs": 30}) == {"snapshot1": 20, "snapshot2": 25, "snapshot3": 30}


def test_each_array_is_of_its_own_network(study: Path, sound: Path) -> None:
    store, found = open_store(study / "store"), open_store(sound / "probabilities")
    case = found.cases.iloc[-1]
    stack = slices_of(store.arrays["image"], store.cases.iloc[-1])
    spacing = case[["slice_mm", "row_mm", "column_mm"]].tolist()
    for name, flips in (("plain", False), ("flips", True), ("snapshot1", False)):
        path = sound / ("snapshots/snapshot1.safetensors" if name == "snapshot1" else "weights.safetensors")
        expected = probabilities_of(
            *load_heart_network(path, torch.device("cpu")), stack, spacing, torch.device("cpu"), flips
        )
        np.testing.assert_allclose(found.arrays[name][case["offset"] :], expected.reshape(-1, 4), atol=1e-3)


def test_published_keeps_the_last_epoch_and_predicts_the_augmented_test_slices(study: Path, published: Path) -> None:
    slices, found = open_store(study / "slices"), open_store(published / "probabilities")
    test = slices.cases[slices.cases["split"] == "test"]
    assert found.cases["case"].tolist() == test["case"].tolist() and found.cases["augmented"].max() == 5
    assert list(found.arrays) == ["plain"] and found.arrays["plain"].shape == (len(test) * 32 * 32, 4)
    model, info = load_heart_network(published / "weights.safetensors", torch.device("cpu"), "published")
    assert info["epoch"] == 4 and not list((published / "snapshots").iterdir())
    with torch.inference_mode():
        logits = logits_of(model, torch.from_numpy(slices.arrays["image"][test.index[-1:]])[:, None])
    np.testing.assert_allclose(found.arrays["plain"][-32 * 32 :], logits.softmax(dim=1)[0].flatten(1).T, atol=1e-3)
    log = pd.read_csv(published / "log.csv")
    assert list(log) == ["epoch", "train_loss", "val_loss", "val_iou", "val_fscore", "val_dice", "lr"]
    assert log["train_loss"].is_monotonic_decreasing


def test_a_training_that_has_ended_gives_the_same_bytes_again(study: Path, published: Path, tmp_path: Path) -> None:
    places = {name: published / name for name in ("checkpoints", "tensorboard")}
    outputs = {
        "weights": tmp_path / "w.safetensors",
        "snapshots": tmp_path / "snapshots",
        "history": tmp_path / "log.csv",
    }
    settings = json.dumps(PUBLISHED)
    run_step(train, store=study / "slices", settings=settings, protocol="published", **outputs, **places)
    assert outputs["weights"].read_bytes() == (published / "weights.safetensors").read_bytes()
    assert outputs["history"].read_text() == (published / "log.csv").read_text()


def test_blocks_of_stacks_train_and_predict_too(study: Path) -> None:
    folder = train_and_predict(study / "store", study / "blocks", "sound", BLOCKS, flips=False)
    found = open_store(folder / "probabilities")
    assert list(found.arrays) == ["plain"]
    np.testing.assert_allclose(found.arrays["plain"].astype(float).sum(axis=1), 1, atol=2e-3)


def source(slices: int = 5) -> tuple[HeartSource, torch.Tensor]:
    """Slices whose class is their grey value, but for some pixels; and logits that find the grey value."""
    generator = torch.Generator().manual_seed(3)
    labels = torch.randint(0, 4, (slices, 8, 8), generator=generator).to(torch.uint8)
    seen = torch.where(torch.rand(labels.shape, generator=generator) < 0.2, 0, labels)
    settings = {"batch_size": 2, "precision": "fp32", "epochs": 9, "snapshots": 2, "seed": 0}
    return HeartSource(seen.float(), labels, settings), nn.functional.one_hot(seen.long(), 4).movedim(-1, 1) * 2.0


class Finds(nn.Module):
    """Finds the class that the grey value says; it takes one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((1, 1), 2.0))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return nn.functional.one_hot(images[:, 0].long(), 4).movedim(-1, 1) * self.scale


def validated(task: Any, epoch: int) -> dict[str, float]:
    rows = np.arange(task.cases)
    parts = [
        task.validate(Finds(), rows[at : at + task.at_a_time], epoch) for at in range(0, task.cases, task.at_a_time)
    ]
    return task.summary(
        {name: torch.cat([part[name] for part in parts]).double().detach().numpy() for name in parts[0]}
    )


def test_published_validation_prints_means_over_batches_of_thresholded_scores() -> None:
    data, logits = source()
    row = validated(published_task(data, np.arange(5), np.arange(5)), epoch=8)
    shares, losses, ious, fscores = logits.softmax(dim=1).numpy(), [], [], []
    for at in (slice(0, 2), slice(2, 4), slice(4, 5)):
        over = shares[at] > 0.5
        true = np.stack([data.labels[at].numpy() == k for k in range(4)], axis=1)
        shared, both = (over & true).sum((0, 2, 3)), over.sum((0, 2, 3)) + true.sum((0, 2, 3))
        losses.append(published_loss(logits[at], data.labels[at]).item())
        ious.append(np.mean((shared + 1e-5) / (both - shared + 1e-5)))
        fscores.append(np.mean((2 * shared + 1e-5) / (both + 1e-5)))
    by_slice = np.average(losses, weights=[2, 2, 1])  # Keras weighs the loss by the size of a batch, but no metric
    expected = {"val_loss": by_slice, "val_iou": np.mean(ious), "val_fscore": np.mean(fscores), "from_last": 0}
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-5)


def test_a_pixel_without_a_share_above_a_half_counts_for_no_class() -> None:
    found = compared(torch.tensor([0.6, 0.4, 0.2, 0.0]).reshape(1, 4, 1, 1), torch.zeros(1, 1, 1), 0)
    assert found["counts"][0].tolist() == [[1, 0, 0, 0]] * 3
    assert not found["over"].any()


def test_sound_validation_is_by_case_and_structure_that_is_there() -> None:
    data, logits = source()
    labels = data.labels.clone()
    labels[3:][labels[3:] == 1] = 0  # the second case has no right ventricle
    cases, winner = np.array([0, 0, 0, 1, 1]), logits.argmax(dim=1)
    row = validated(sound_task(data._replace(labels=labels), np.arange(5), np.arange(5), cases), epoch=4)
    dice = []
    for case, classes in ((0, (1, 2, 3)), (1, (2, 3))):
        here = torch.from_numpy(cases == case)
        for label in classes:
            found, true = winner[here] == label, labels[here] == label
            dice.append(2 * (found & true).sum().item() / (found.sum() + true.sum()).item())
    assert row["val_dice"] == pytest.approx(np.mean(dice))
    assert row["val_loss"] == pytest.approx(dice_ce_loss(logits, labels).item(), rel=1e-5)
    assert row["from_best"] == pytest.approx(1 - np.mean(dice))
    assert (row["from_snapshot1"], row["from_snapshot2"]) == (1, 1), "snapshots are of epochs 7 and 9"


def test_augmented_slices_keep_their_labels_and_depend_on_the_epoch() -> None:
    data, _ = source()
    smooth = torch.arange(64.0).expand(5, 64, 64)
    data = data._replace(images=smooth, labels=(smooth > 31).to(torch.uint8) * 3)
    task = sound_task(data, np.arange(5), np.arange(5), np.zeros(5, int))
    images, labels = task.load(np.array([4, 1]), 0)
    assert images.shape == (2, 1, 64, 64) and labels.unique().tolist() == [0, 3]
    again, other = task.load(np.array([4, 1]), 0)[0], task.load(np.array([4, 1]), 1)[0]
    assert torch.equal(images, again) and not torch.equal(images, other)
    assert torch.equal(published_task(data, np.arange(5), np.arange(5)).load(np.array([4]), 0)[0][0, 0], smooth[4])
