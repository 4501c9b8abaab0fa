"""Scores of masks, numbers of voxels by class, and agreement of volumes, by hand and against other formulations."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix, f1_score

from reprise.evaluation.bland_altman import agreement_statistics, agreement_terms
from reprise.evaluation.mask_scores import class_dice, confusions, mask_scores


def test_a_mask_of_voxels_that_are_no_cubes() -> None:
    true = np.zeros((4, 5, 6), bool)
    true[1:3, 1:4, 1:5] = True
    found = np.roll(true, 1, axis=2)
    scores = mask_scores(found, true, (2.0, 1.0, 0.5))
    assert scores["dice"] == pytest.approx(3 / 4) and scores["empty"] == "none"
    assert scores["volume_ml"] == scores["true_volume_ml"] == pytest.approx(24 / 1000)
    assert scores["hausdorff_mm"] == 0.5


@pytest.mark.parametrize(
    ("found", "true", "empty", "dice", "distance"),
    [(0, 0, "both", 1, 0), (0, 1, "prediction", 0, np.nan), (1, 0, "reference", 0, np.nan)],
)
def test_empty_masks(found: int, true: int, empty: str, dice: float, distance: float) -> None:
    scores = mask_scores(np.full((2, 2, 2), found, bool), np.full((2, 2, 2), true, bool), (1.0, 1.0, 1.0))
    assert (scores["empty"], scores["dice"]) == (empty, dice)
    distances = [scores[name] for name in ("hausdorff_mm", "assd_mm", "hd95_mm")]
    assert distances == pytest.approx([distance] * 3, nan_ok=True)


def test_voxels_and_dice_by_class_are_scikit_learns() -> None:
    true, found = np.random.default_rng(1).integers(5, size=(2, 6, 7, 8)).astype(np.uint8)
    counts = confusions(true, found, 6)
    assert counts.tolist() == confusion_matrix(true.ravel(), found.ravel(), labels=range(6)).tolist()
    assert class_dice(counts, [1, 3]) == pytest.approx(f1_score(true.ravel(), found.ravel(), average=None)[[1, 3]])
    assert class_dice(counts, [5]) == [1]


def test_agreement_leaves_missing_values_out() -> None:
    found = pd.DataFrame({"volume": [10.0, 12.0, np.nan, 17.0], "mass": [1.0, 2.0, 3.0, 4.0]})
    true = pd.DataFrame({"volume": [11.0, 11.0, 9.0, 15.0], "mass": [2.0, 2.0, 2.0, 2.0]})
    values = agreement_statistics(["volume", "mass"], agreement_terms(found, true).sum().to_numpy())
    ours, reference = np.array([10, 12, 17]), np.array([11, 11, 15])
    expected = [np.corrcoef(ours, reference)[0, 1], 2 / 3, (ours - reference).std(ddof=1)]
    assert [values[f"volume_{name}"] for name in ("r", "bias", "sd")] == pytest.approx(expected)
    assert np.isnan(values["mass_r"]) and values["mass_bias"] == pytest.approx(0.5)
