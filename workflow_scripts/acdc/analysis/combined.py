"""The tables that `combine` writes, read back for scores and figures."""

from pathlib import Path

import pandas as pd

from acdc.analysis.pixel_measures import COUNTS, SURE
from acdc.analysis.shown import FLIPS
from reprise.evaluation.mask_scores import EMPTY
from reprise.step.errors import InputError
from reprise.step.tables import read_table

CASE = dict.fromkeys(("case", "patient", "phase"), str)
SCORES = (
    {"method": str, "split": str}
    | CASE
    | {"structure": str, "dice": float, "hausdorff_mm": float, "assd_mm": float, "empty": str}
    | {"volume_ml": float, "true_volume_ml": float}
)
CALIBRATION = {"method": str, "split": str} | dict.fromkeys(
    ("temperature", "nll", "brier", "ece", "nll_scaled", "brier_scaled", "ece_scaled"), float
)
SLICES = (
    {"method": str, "case": str, "patient": str, "augmented": int, "searched": int}
    | dict.fromkeys(COUNTS, int)
    | dict.fromkeys(SURE, int)
)
HABITS = {"case": str, "patient": str, "structure": str} | dict.fromkeys(
    ("label_linear", "label_nearest", "native", "grid", "kept"), float
)


def read_scores(path: Path) -> pd.DataFrame:
    """Scores of each method, case and structure.

    Raises:
        InputError: the table is damaged, or does not score each case and structure once by each method.
    """
    scores = read_table(path, SCORES)
    if not scores["empty"].isin(EMPTY).all() or scores["dice"].isna().any():
        raise InputError(f"{path}: expected a Dice in each row, and as `empty` one of {', '.join(EMPTY)}")
    key = ["method", "case", "structure"]
    if scores.duplicated(key).any():
        row = scores[scores.duplicated(key)].iloc[0]
        raise InputError(f"{path}: {row['case']}, {row['structure']}: scored twice by {row['method']}")
    expected = scores.drop_duplicates(["case", "structure"])
    for method, own in scores.groupby("method", sort=False):
        if len(own) != len(expected):
            raise InputError(f"{path}: {method}: expected {len(expected)} rows, found {len(own)}")
    if not scores["method"].str.startswith(FLIPS).any():
        raise InputError(f"{path}: expected a method that is called {FLIPS}NETWORK, found none")
    phases = expected.groupby("patient")["phase"].nunique()
    if (phases != 2).any():
        raise InputError(f"{path}: {phases.index[phases != 2][0]}: expected ED and ES, found one of them")
    return scores
