"""Measures of lesion masks: volumes worked out by hand, properties, and MONAI's and scikit-image's answers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from monai.metrics import compute_dice
from skimage.measure import label

from mslesion.analysis.lesions import label_lesions, lesion_load_ml, lesion_measures, overall_score
from mslesion.learning.printed_measures import published_accuracy, published_dice_loss

masks = arrays(bool, st.tuples(*[st.integers(1, 5)] * 3), elements=st.booleans())
pairs = masks.flatmap(lambda mask: st.tuples(st.just(mask), arrays(bool, mask.shape, elements=st.booleans())))


def two_volumes():
    """Predicted and reference masks: of three reference lesions two are touched; of three predicted one is false."""
    found, true = np.zeros((2, 6, 8, 10), bool)
    true[0, 0, 0:4] = True  # 4 voxels, of which 2 are found
    found[0, 0, 2:6] = True
    true[3, 3, 3] = true[4, 4, 4] = True  # one lesion of 2 voxels that meet at a corner, 1 found
    found[4, 4, 4] = True
    true[5, 7, 0:2] = True  # missed
    found[0, 6:8, 8:10] = True  # false, 4 voxels
    return found, true


def test_a_volume_worked_out_by_hand():
    found = lesion_measures(*two_volumes(), voxel_mm3=2.0)
    assert found == {
        "accuracy": pytest.approx(469 / 480),
        "dice": pytest.approx(2 * 3 / (9 + 8)),
        "ppv": pytest.approx(3 / 9),
        "sensitivity": pytest.approx(3 / 8),
        "specificity": pytest.approx(466 / 472),
        "volume_difference": pytest.approx(1 / 8),
        "ltpr": pytest.approx(2 / 3),
        "lfpr": pytest.approx(1 / 3),
        "load_ml": pytest.approx(0.018),
        "true_load_ml": pytest.approx(0.016),
        "lesions": 3,
        "true_lesions": 3,
    }


def test_one_predicted_lesion_may_hit_two_and_two_may_hit_one():
    two, one = np.zeros((2, 1, 1, 7), bool)
    two[..., [0, 1, 4, 5]] = True
    one[..., 1:5] = True
    assert [lesion_measures(one, two, 1)[name] for name in ("ltpr", "lfpr", "lesions")] == [1, 0, 1]
    assert [lesion_measures(two, one, 1)[name] for name in ("ltpr", "lfpr", "lesions")] == [1, 0, 2]


def test_empty_masks_are_defined():
    empty, full = np.zeros((3, 4, 5)), np.ones((3, 4, 5))
    worst = {"dice": 0, "ppv": 0, "sensitivity": 0, "ltpr": 0, "lfpr": 1}
    best = {"dice": 1, "ppv": 1, "sensitivity": 1, "ltpr": 1, "lfpr": 0}
    for found, true, rating, difference in (
        (empty, empty, best, 0),
        (full, full, best, 0),
        (empty, full, worst, 1),
        (full, empty, worst, np.nan),
    ):
        measures = lesion_measures(found, true, 1)
        assert {name: measures[name] for name in rating} == rating
        assert measures["volume_difference"] == pytest.approx(difference, nan_ok=True)
        assert measures["load_ml"] == lesion_load_ml(found, 1) == found.sum() / 1000


@given(pairs)
@settings(deadline=None)
def test_measures_agree_with_other_libraries_and_with_each_other(pair):
    found, true = pair
    measures, turned = lesion_measures(found, true, 1), lesion_measures(found[::-1, :, ::-1], true[::-1, :, ::-1], 1)
    assert turned == pytest.approx(measures, nan_ok=True)
    swapped = lesion_measures(true, found, 1)
    assert swapped["dice"] == measures["dice"] and swapped["ppv"] == measures["sensitivity"]
    assert swapped["lfpr"] == pytest.approx(1 - measures["ltpr"])
    assert measures["lesions"] == label(found, connectivity=3).max()
    dice = compute_dice(*(torch.from_numpy(mask)[None, None] for mask in (found, true)), ignore_empty=False)
    assert measures["dice"] == pytest.approx(dice.item())


def test_lesions_that_meet_at_a_corner_are_one():
    mask = np.zeros((2, 2, 4))
    mask[0, 0, 0] = mask[1, 1, 1] = mask[1, 1, 3] = 2
    labels, count = label_lesions(mask)
    assert count == 2 and labels[0, 0, 0] == labels[1, 1, 1] != labels[1, 1, 3]


def test_the_overall_score_by_hand():
    assert overall_score(0.6, 0.7, 0.2, 0.5, 0.9) == pytest.approx(0.6 / 8 + 0.7 / 8 + 0.8 / 4 + 0.5 / 4 + 0.9 / 4)
    assert overall_score([1, 0], [1, 0], [0, 1], [1, 0], [np.nan, -1]) == pytest.approx([0.75, -0.25])


def test_published_accuracy_rounds_each_batch_and_weighs_the_last_one_in_full():
    counts = [[0, 1, 0, 25599], [0, 0, 1, 25599], [0, 3, 0, 25597]]
    assert published_accuracy(counts, 2) == 1 - (0.00004 + 0.00012) / 2
    assert published_accuracy(counts, 1) == pytest.approx(1 - (0.00004 + 0.00004 + 0.00012) / 3, abs=1e-12)
    assert published_accuracy(counts, 3) == 1 - 0.00007
    assert np.isnan(published_accuracy(np.empty((0, 4)), 4))


def test_published_loss_is_the_mean_of_the_batches():
    sums = [[1.0, 4], [2, 4], [0, 2]]
    assert published_dice_loss(sums, 2, 0.1) == pytest.approx(1 - (6.1 / 8.1 + 0.1 / 2.1) / 2)
    assert np.isnan(published_dice_loss(np.empty((0, 2)), 4, 0.1))
