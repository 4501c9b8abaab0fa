"""Rates from counts of true and false positives and negatives, of one image or pooled over many.

A rate without a denominator, such as the sensitivity where there is no lesion, is 1 if there is no error at all
and 0 if there is one.
"""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

Floats = NDArray[np.float64]
PUBLISHED_DIGITS = 5


def confusion(found: Tensor, true: Tensor) -> Tensor:
    """Counts (B, 4) of each sample's true positives, false positives, false negatives and true negatives, in px.

    Args:
        found: masks (B, ...), not 0 is lesion.
        true: masks of the same shape.
    """
    lesion, reference = (found != 0).flatten(1), (true != 0).flatten(1)
    both = (lesion & reference).sum(1)
    only_found, only_true = lesion.sum(1) - both, reference.sum(1) - both
    return torch.stack([both, only_found, only_true, lesion.shape[1] - both - only_found - only_true], dim=1)


def rates(counts: ArrayLike) -> dict[str, Floats]:
    """Accuracy, Dice, sensitivity, specificity and PPV (...) from counts (..., 4) as of `confusion`.

    To pool, sum the counts first.
    """
    tp, fp, fn, tn = np.moveaxis(np.asarray(counts, dtype=float), -1, 0)
    flawless = fp + fn == 0
    return {
        "accuracy": _rate(tp + tn, tp + fp + fn + tn, flawless),
        "dice": _rate(2 * tp, 2 * tp + fp + fn, flawless),
        "sensitivity": _rate(tp, tp + fn, flawless),
        "specificity": _rate(tn, tn + fp, flawless),
        "ppv": _rate(tp, tp + fp, flawless),
    }


def published_accuracy(counts: ArrayLike, batch_size: int) -> float:
    """1 less the mean over batches of the share of wrong pixels, each batch's share rounded to 5 digits.

    The last batch, if smaller, weighs as much as the others. NaN without samples.

    Args:
        counts: (N, 4) of samples in their order.
        batch_size: of the published validation.
    """
    batches = [each.sum(axis=0) for each in _batches(counts, batch_size)]
    wrong = [round(float((fp + fn) / (tp + fp + fn + tn)), PUBLISHED_DIGITS) for tp, fp, fn, tn in batches]
    return 1 - float(np.mean(wrong)) if wrong else float("nan")


def published_dice_loss(sums: ArrayLike, batch_size: int, smooth: float) -> float:
    """Mean over batches of 1 - (2 I + smooth) / (S + smooth), from samples' soft sums (N, 2); NaN without samples."""
    batches = [each.sum(axis=0) for each in _batches(sums, batch_size)]
    losses = [1 - (2 * intersection + smooth) / (total + smooth) for intersection, total in batches]
    return float(np.mean(losses)) if losses else float("nan")


def _rate(part: Floats, whole: Floats, flawless: NDArray[np.bool_]) -> Floats:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), flawless.astype(float))


def _batches(values: ArrayLike, size: int) -> list[NDArray[np.float64]]:
    rows = np.asarray(values, dtype=float)
    return [rows[start : start + size] for start in range(0, len(rows), size)]
