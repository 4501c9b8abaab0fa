"""The Dice that the published code prints, from sums over voxels: soft, of sigmoids, and pooled over a batch.

With p the output of a class and t its truth, 0 or 1, over all voxels of a batch, Dice is
2 sum(p t) / (sum(p) + sum(t)), called linear, or 2 sum(p t) / (sum(p^2) + sum(t)), called squared (Milletari et al.,
3DV 2016). A class that the truth of a batch does not have scores 0, whatever was found. The printed value is the mean
over batches, the last of which may be smaller, and over all four classes, air too.
"""

import numpy as np
import pandas as pd

TERMS = ["overlap", "predicted", "predicted_squares", "true"]
DENOMINATORS = {"linear": "predicted", "squared": "predicted_squares"}
LEAST = 1e-6  # of a denominator


def dice_table(sums: pd.DataFrame, kind: str, unit: str) -> pd.DataFrame:
    """Dice of each unit (row) and class (column); 0 for a class that the truth does not have.

    Args:
        sums: rows of one activation with the columns class, `TERMS` and `unit`.
        kind: a key of `DENOMINATORS`.
        unit: the column whose equal values are pooled, such as batch.
    """
    pooled = sums.groupby([unit, "class"], sort=False)[TERMS].sum()
    denominator = np.maximum(pooled[DENOMINATORS[kind]] + pooled["true"], LEAST)
    return (2 * pooled["overlap"] / denominator).unstack("class")


def without_absent(table: pd.DataFrame, sums: pd.DataFrame, unit: str) -> pd.DataFrame:
    """A table by `dice_table`, with NaN for classes that the truth of a unit does not have."""
    true = sums.groupby([unit, "class"], sort=False)["true"].sum().unstack("class")
    return table.where(true > 0)


def mean_dice(table: pd.DataFrame, classes: list[str]) -> float:
    """The mean over classes of the means over units; what is NaN does not count."""
    return float(table[classes].mean().mean())
