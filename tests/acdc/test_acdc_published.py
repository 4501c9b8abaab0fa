"""The slices of the published protocol, with the quirks that make them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from acdc.learning.published_slices import AUGMENTATIONS, published_slices, split_by_slice
from acdc_dataset import small_store
from reprise.data.store import open_store

SETTINGS: dict[str, Any] = {"size": 32, "slices": 10, "draws": 5, "test_draws": 3, "validation": 0.16, "seed": 42}
TURN, TURN_BACK, FLIP_ROWS, FLIP_COLUMNS, SMOOTH = AUGMENTATIONS


def made(case: dict[str, Any], image: np.ndarray, labels: np.ndarray, **changes: Any) -> Any:
    """The slices of one training and one test case with the same stack."""
    shape = dict(zip(("slices", "height", "width"), image.shape, strict=True))
    cases = pd.DataFrame([case | shape | {"offset": 0, "official": part} for part in ("training", "testing")])
    cases["case"] = ["a", "b"]
    return published_slices(cases, {"image": image.ravel(), "labels": labels.ravel()}, SETTINGS | changes)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    cases, arrays = open_store(small_store(tmp_path_factory.mktemp("heart") / "store", training=5, testing=5))
    return published_slices(cases, arrays, SETTINGS)


def test_the_numbers_of_slices_are_the_published_ones() -> None:
    parts = [("training", 100 * 2 * 5), ("training", 25 * 5 * 5), ("testing", 50 * 2 * 5), ("testing", 10 * 5 * 5)]
    rows = pd.DataFrame({"official": [name for name, count in parts for _ in range(count)]})
    split = split_by_slice(rows, SETTINGS)["split"]
    assert split.value_counts().to_dict() == {"train": 1365, "val": 260, "test": 750}
    drawn = np.random.RandomState(SETTINGS["seed"]).choice(200, 25)
    assert len(set(drawn)) == 23, "as many distinct volumes as were published"


def test_odd_slices_come_as_they_are_then_augmented_in_both_sets(published: Any) -> None:
    table, images, labels = published
    assert len(table) == len(images) == len(labels) == 10 * 5 + 5 * 5 * 5 + 10 * 5 + 3 * 5 * 5
    assert table["case"].is_unique and set(table["slice"]) == {1, 3, 5, 7, 9}
    assert table["augmented"].tolist()[:50] == [0] * 50 and (table["augmented"][50:175] > 0).all()
    assert (
        table.loc[50:74, "draw"].eq(1).all()
        and table.loc[50:74, "augmented"].tolist() == np.repeat(range(1, 6), 5).tolist()
    )
    assert (table["split"][175:] == "test").all() and not (table["split"][:175] == "test").any()
    assert table["augmented"][225:].gt(0).all(), "the test set is augmented, too"
    assert images.dtype == np.float32 and labels.dtype == np.uint8 and labels.max() == 3
    assert images.min() == 0 and images.max() == 1


def test_copies_of_validation_slices_are_trained_on(published: Any) -> None:
    table = published[0]
    split = {
        name: set(map(tuple, table.loc[table["split"] == name, ["patient", "phase", "slice"]].to_numpy()))
        for name in ("train", "val")
    }
    assert split["train"] & split["val"], "the quirk: slices are split after they were augmented"


def test_each_copy_is_its_volume_changed(published: Any) -> None:
    table, images, labels = published
    of_first = table[(table["draw"] == 1) & (table["split"] != "test")]
    patient, phase = of_first[["patient", "phase"]].iloc[0]
    plain = table.index[(table["patient"] == patient) & (table["phase"] == phase) & (table["draw"] == 0)]
    copies = [of_first.index[of_first["augmented"] == number] for number in range(1, 6)]
    changes = (
        lambda x: np.rot90(x, 1, (1, 2)),
        lambda x: np.rot90(x, 3, (1, 2)),
        lambda x: x[:, ::-1],
        lambda x: x[:, :, ::-1],
    )
    for rows, change in zip(copies, changes, strict=False):
        np.testing.assert_allclose(images[rows], change(images[plain]), atol=1e-4)
        assert np.array_equal(labels[rows], change(labels[plain]))
    smooth = images[copies[4]]
    assert np.abs(np.diff(smooth, axis=2)).mean() < 0.7 * np.abs(np.diff(images[plain], axis=2)).mean()
    assert not np.array_equal(labels[copies[4]], labels[plain]), "labels are smoothed, too"


def test_the_noise_is_a_gaussian_of_two_voxels_full_width_at_half_maximum() -> None:
    peak = np.zeros((21, 21, 21))
    peak[10, 10, 10] = 1
    spread = SMOOTH(peak)
    np.testing.assert_allclose(spread[10, 10, 9] / spread[10, 10, 10], 0.5, atol=1e-6)
    np.testing.assert_allclose(spread[9, 10, 10], spread[10, 10, 9])


def test_two_structures_that_touch_get_a_rim_of_a_third_one() -> None:
    labels = np.zeros((10, 48, 48), np.uint8)
    labels[:, :, 16:25], labels[:, :, 25:34] = 1, 3
    image = np.random.default_rng(0).normal(size=labels.shape)
    _, _, found = made({"patient": "p", "phase": "ED"}, image, labels)
    assert (found[0] == 2).any(), "myocardium where there is none"


def test_volumes_have_8_bits_and_ten_slices_whatever_they_had() -> None:
    image = np.linspace(-500, 5000, 3 * 32 * 32).reshape(3, 32, 32)
    _, images, _ = made({"patient": "p", "phase": "ED"}, image, np.zeros(image.shape, np.uint8), slices=3, draws=1)
    whole = np.floor((image[1] + 500) / 5500 * 255)
    np.testing.assert_allclose(images[0], whole / 255, atol=1e-6)
    assert images[0].shape == (32, 32) and len(images) == 1 + 5 + 1 + 3 * 5
    _, ten, _ = made({"patient": "p", "phase": "ED"}, image, np.zeros(image.shape, np.uint8))
    means = ten[:4].mean(axis=(1, 2))
    np.testing.assert_allclose(np.diff(means), means[1] - means[0], rtol=0.3)


def test_nothing_is_random_but_by_the_seed(tmp_path: Path) -> None:
    store = open_store(small_store(tmp_path / "store", training=5, testing=5))
    tables = [published_slices(*store, SETTINGS | {"seed": seed})[0] for seed in (42, 42, 43)]
    assert tables[0].equals(tables[1]) and not tables[0].equals(tables[2])
