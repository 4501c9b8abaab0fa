"""Training to tell lesions on slices: which windows there are, and what the history says of them."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from mslesion.analysis.protocols import scored, splits, windows
from mslesion.learning.networks import WINDOW, input_of, lesion_network
from mslesion.learning.slice_tasks import SliceSource, slice_task, window_samples, window_task
from reprise.training.loop import Task

CASES = pd.DataFrame({"case": list("abcdef"), "patient": list("ppqqrr"), "slices": 2, "fold": 0})
SETTINGS = {"batch_size": 2, "precision": "fp32", "seed": 0}


def source() -> SliceSource:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(12, 64, 64, generator=generator)
    return SliceSource(images, (images > 2).to(torch.uint8), np.repeat(np.arange(6), 2), SETTINGS)


def test_published_folds_part_time_points_and_sound_folds_part_patients() -> None:
    published, sound = (splits(CASES, protocol, 3, 1) for protocol in ("published", "sound"))
    assert published.tolist() == ["val", "train", "train", "val", "train", "train"]
    assert sound.tolist() == ["test", "test", "val", "val", "train", "train"]
    assert scored(CASES, "published", 3, 1)["case"].tolist() == ["a", "d"]
    assert scored(CASES, "sound", 3, 1)["case"].tolist() == ["a", "b"]


def test_published_folds_are_those_of_the_image_tree_where_it_has_them() -> None:
    given = CASES.assign(fold=[1, 1, 2, 3, 3, 2])
    assert splits(given, "published", 3, 2).tolist() == ["train", "train", "val", "train", "train", "val"]
    for protocol in ("by_patient", "sound"):
        assert splits(given, protocol, 3, 2).tolist() == splits(CASES, protocol, 3, 2).tolist()
    partly = given.assign(fold=[1, 1, 2, 0, 3, 2])
    assert splits(partly, "published", 3, 2).tolist() == splits(CASES, "published", 3, 2).tolist()


def test_published_windows_cross_scans_and_sound_ones_do_not() -> None:
    lesion = np.isin(np.arange(12), [0, 3, 5, 8, 9, 11])
    train, val = windows(CASES, lesion, splits(CASES, "published", 3, 1), "published")
    assert train.tolist() == [[3, 5, 8], [5, 8, 9], [8, 9, 11]] and len(val) == 0
    train, val = windows(CASES, lesion, splits(CASES, "sound", 3, 1), "sound")
    assert train.tolist() == [[8, 8, 9], [8, 9, 9], [10, 10, 11], [10, 11, 11]]
    assert val.tolist() == [[4, 4, 5], [4, 5, 5], [6, 6, 7], [6, 7, 7]]


def test_samples_are_slices_of_windows_and_masks_of_their_centres() -> None:
    images, masks, rows = *source()[:2], np.array([[0, 4, 2], [7, 7, 8]])
    seen, truth = window_samples(images, masks, rows)
    assert torch.equal(seen, images[torch.from_numpy(rows)][:, :, None])
    assert torch.equal(truth, masks[[4, 7]])


def test_history_pools_pixels_and_averages_volumes() -> None:
    val = np.array([[0, 0, 1], [0, 1, 1], [2, 2, 3]])
    task = window_task(source(), np.array([[0, 1, 2]]), val, "val_error")
    # The first scan's two slices: 6 of 8 and 0 of 0; the second scan's: 0 of 4.
    counts = np.array([[6, 1, 1, 92], [0, 0, 0, 100], [0, 2, 4, 94]])
    row = task.summary({"counts": counts, "soft": np.array([[6.0, 14], [0, 0], [0, 6]])})
    assert row["val_dice"] == pytest.approx(12 / (12 + 3 + 5))
    assert row["val_volume_dice"] == pytest.approx((12 / 14 + 0) / 2)
    assert row["val_sensitivity"] == pytest.approx(6 / 11) and row["val_specificity"] == pytest.approx(286 / 289)
    assert row["val_printed_specificity"] == pytest.approx(1 - 3 / 300), "the 11 pixels with a lesion count, too"
    assert row["val_accuracy"] == pytest.approx(1 - (2 / 200 + 6 / 100) / 2)
    assert row["val_loss"] == pytest.approx(((1 - 12.1 / 14.1) + (1 - 0.1 / 6.1)) / 2)


@pytest.mark.parametrize(("network", "task"), [("fc_densenet57", window_task), ("unet_2d", slice_task)])
def test_validation_sees_what_the_network_says_of_centres(network: str, task: Callable[..., Task]) -> None:
    torch.manual_seed(0)
    model, slices, windowed = lesion_network(network, 0.125), source(), input_of(network) == WINDOW
    val = np.array([[0, 1, 2], [1, 2, 3]])
    inputs = slices.images[torch.from_numpy(val)][:, :, None] if windowed else slices.images[[1, 2]][:, None]
    with torch.no_grad():
        for _ in range(50):  # for statistics of batches, without which values grow beyond all bounds
            model(inputs)
        model.eval()
        found = task(slices, val, val, "val_error").validate(model, np.arange(2), 0)
        logits = model(inputs)[:, 1] if windowed else model(inputs)
    total = (logits.softmax(dim=1)[:, 1] + slices.masks[[1, 2]]).sum(dim=(1, 2))
    lesion, true = logits.argmax(dim=1), slices.masks[[1, 2]]
    assert found["counts"][:, 0].tolist() == ((lesion == 1) & (true == 1)).sum(dim=(1, 2)).tolist()
    assert found["counts"].sum(dim=1).tolist() == [64 * 64] * 2
    assert found["soft"][:, 1].numpy() == pytest.approx(total.numpy(), rel=1e-4)
