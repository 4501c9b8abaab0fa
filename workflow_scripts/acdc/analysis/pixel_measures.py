"""What the published code measures, from numbers of pixels by true and found class of each slice."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from acdc.analysis.weightings import CLASSES

COUNTS = [f"n{true}{found}" for true in range(CLASSES) for found in range(CLASSES)]
SURE = [f"s{name[1:]}" for name in COUNTS]  # the same, only of pixels whose class has more than half the probability


def mean_iou(counts: np.ndarray, classes: Sequence[int] = range(CLASSES)) -> Any:
    """The mean (...) over classes of intersection over union; `counts` (..., C, C) are pixels by true and found class.

    Classes that are neither true nor found do not count, as in Keras; without any class it is 0.
    """
    shared = np.diagonal(counts, axis1=-2, axis2=-1)[..., list(classes)]
    union = (counts.sum(axis=-1) + counts.sum(axis=-2))[..., list(classes)] - shared
    there = union > 0
    return (np.where(there, shared / np.maximum(union, 1), 0).sum(axis=-1) / np.maximum(there.sum(axis=-1), 1))[()]


def heart_f1(counts: np.ndarray) -> Any:
    """The F1 score (...) of heart against background from numbers of pixels (..., C, C); 0 without any heart."""
    shared = counts[..., 1:, 1:].sum(axis=(-2, -1))
    sizes = counts[..., 1:, :].sum(axis=(-2, -1)) + counts[..., :, 1:].sum(axis=(-2, -1))
    return np.where(sizes > 0, 2 * shared / np.maximum(sizes, 1), 0.0)[()]


def running(measure: Any, counts: np.ndarray) -> float:
    """The mean over slices of a measure of all pixels up to each slice; `counts` (S, C, C) are in the slices' order."""
    return float(np.mean(measure(counts.cumsum(axis=0))))
