"""Accuracy, loss and specificity as the published code prints them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

ERROR_DIGITS = 5


def published_accuracy(counts: ArrayLike, batch_size: int) -> float:
    """1 less the mean over batches of the fraction of wrong pixels, rounded to 5 digits in each batch.

    The last batch, if smaller, has the same weight as the others. NaN without samples.

    Args:
        counts: (N, 4) of samples in their order, see `confusion`.
        batch_size: of the published validation.
    """
    batches = [batch.sum(axis=0) for batch in _batches(counts, batch_size)]
    wrong = [round(float((fp + fn) / (tp + fp + fn + tn)), ERROR_DIGITS) for tp, fp, fn, tn in batches]
    return 1 - float(np.mean(wrong)) if wrong else float("nan")


def published_dice_loss(sums: ArrayLike, batch_size: int, smooth: float) -> float:
    """Mean over batches of 1 - (2 I + smooth) / (S + smooth), from samples' soft sums (N, 2); NaN without samples."""
    batches = [batch.sum(axis=0) for batch in _batches(sums, batch_size)]
    losses = [1 - (2 * intersection + smooth) / (total + smooth) for intersection, total in batches]
    return float(np.mean(losses)) if losses else float("nan")


def published_specificity(counts: ArrayLike) -> float:
    """1 less the fraction of false positives among all pixels; NaN without pixels.

    The published code counts every pixel that is no false positive as a true negative, also those of lesions.

    Args:
        counts: (4,) of all samples, see `confusion`.
    """
    pixels = np.asarray(counts, dtype=float)
    return 1 - float(pixels[1] / pixels.sum()) if pixels.any() else float("nan")


def _batches(values: ArrayLike, size: int) -> list[NDArray[np.float64]]:
    rows = np.asarray(values, dtype=float)
    return [rows[start : start + size] for start in range(0, len(rows), size)]
