"""Scores of a segmented volume on its own grid, in 3-D: Dice, surface distances and volumes of masks.

What an empty mask means: if both masks are empty, Dice is 1 and distances are 0. If only one is, Dice is 0 and there
are no distances (NaN). `empty` says which, so that each case can be counted.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reprise.evaluation.surfaces import surface_distances

MM3_PER_ML = 1000
EMPTY = ("none", "prediction", "reference", "both")


def mask_scores(found: np.ndarray, true: np.ndarray, spacing_mm: Sequence[float]) -> dict[str, Any]:
    """Scores of one mask by name: dice, those of `Distances`, empty (one of `EMPTY`), volume_ml and true_volume_ml.

    Args:
        found: (N, H, W) bool, the predicted mask.
        true: (N, H, W) bool, the reference.
        spacing_mm: of the voxels along the three axes.
    """
    sizes = [int(mask.sum()) for mask in (found, true)]
    voxel_ml = float(np.prod(spacing_mm)) / MM3_PER_ML
    scores: dict[str, Any] = {"dice": dice_of(int((found & true).sum()), sum(sizes))}
    scores |= surface_distances(found, true, spacing_mm)._asdict()
    scores["empty"] = EMPTY[(sizes[0] == 0) + 2 * (sizes[1] == 0)]
    return scores | {"volume_ml": sizes[0] * voxel_ml, "true_volume_ml": sizes[1] * voxel_ml}


def dice_of(shared: Any, sizes: Any) -> Any:
    """Dice from the voxels that two masks share and the sum of their sizes; 1 if both are empty."""
    sizes = np.asarray(sizes)
    return np.where(sizes > 0, 2 * np.asarray(shared) / np.maximum(sizes, 1), 1.0)[()]


def class_dice(counts: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """Dice (..., len(labels)) of each class from numbers of voxels (..., C, C) by true and found class."""
    shared = np.diagonal(counts, axis1=-2, axis2=-1)
    return dice_of(shared, counts.sum(axis=-1) + counts.sum(axis=-2))[..., list(labels)]


def confusions(true: np.ndarray, found: np.ndarray, classes: int) -> np.ndarray:
    """Numbers of voxels (C, C) by true and found class, from two arrays of classes below C of one shape."""
    cells = true.astype(np.intp).ravel() * classes + found.ravel()
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)
