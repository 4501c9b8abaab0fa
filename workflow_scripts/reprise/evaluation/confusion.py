"""Counts of true and false positives and negatives, and the rates that follow from them.

A rate without a denominator, such as the sensitivity where nothing is true, is 1 if there is no error at all and 0 if
there is one.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def confusion(found: Any, true: Any, axis: int = 1) -> Any:
    """Counts (..., 4) of true positives, false positives, false negatives and true negatives.

    The counts are sums over all axes from `axis` on, so each sample, class or label before it has its own four. For a
    map of classes, compare it with each class first: `found[:, None] == classes`, with `classes` of shape (C, 1, 1).

    Args:
        found: predicted masks, arrays or tensors; what is not 0 is positive.
        true: reference masks of the same kind and shape.
        axis: the first axis to count over.

    Returns: an array or a tensor, as the masks are.
    """
    found, true = found != 0, true != 0
    counted = tuple(range(axis, true.ndim))
    counts = [mask.sum(counted) for mask in (found & true, found & ~true, ~found & true, ~found & ~true)]
    if isinstance(true, np.ndarray):
        return np.stack(counts, axis=-1)
    import torch  # here, because figures and scores do without it

    return torch.stack(counts, dim=-1)


def rates(counts: ArrayLike) -> dict[str, Floats]:
    """Accuracy, Dice, sensitivity, specificity and positive predictive value (...) from counts (..., 4).

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


def _rate(part: Floats, whole: Floats, flawless: NDArray[np.bool_]) -> Floats:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), flawless.astype(float))
