"""Scores of a heart's structures, worked out by hand, and what they say of empty masks."""

import numpy as np
import pytest

from acdc.analysis.heart_scores import structure_rows

CASE = {"case": "patient001-ED", "patient": "patient001", "phase": "ED", "slice_mm": 8.0, "row_mm": 1.5}
CASE |= {"column_mm": 1.25}


def test_scores_of_a_case_say_which_masks_are_empty() -> None:
    found, true = np.zeros((2, 3, 8, 8), np.uint8)
    true[:, 2:6, 2:6], found[:, 2:6, 2:4] = 3, 3
    true[1, 0, 0] = found[1, 0, :2] = 1
    found[2, 7, 7] = 2
    rows = {row["structure"]: row for row in structure_rows(found, true, CASE, ["rv", "myo", "lv"])}
    assert rows["lv"]["dice"] == pytest.approx(2 * 24 / (24 + 48)) and rows["lv"]["hausdorff_mm"] == 2.5
    assert rows["lv"]["volume_ml"] == pytest.approx(24 * 0.015) and rows["lv"]["true_volume_ml"] == pytest.approx(0.72)
    assert rows["rv"]["dice"] == pytest.approx(2 / 3) and rows["rv"]["empty"] == rows["lv"]["empty"] == "none"
    assert rows["myo"]["empty"] == "reference" and rows["myo"]["dice"] == 0 and np.isnan(rows["myo"]["assd_mm"])
    nothing = np.zeros_like(true)
    (both,) = structure_rows(nothing, nothing, CASE, ["rv"])
    assert both["empty"] == "both" and (both["dice"], both["hausdorff_mm"], both["assd_mm"]) == (1, 0, 0)
    (missed,) = structure_rows(nothing, true, CASE, ["lv"])
    assert missed["empty"] == "prediction" and missed["dice"] == 0 and np.isnan(missed["hausdorff_mm"])
