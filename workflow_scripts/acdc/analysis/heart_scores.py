"""Scores of a segmented stack on its own grid, in 3-D: Dice, surface distances and volumes of each structure.

What an empty mask means: if both masks of a structure are empty, Dice is 1 and distances are 0. If only one is, Dice
is 0 and there are no distances (NaN). The column `empty` says which, so that each case can be counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from acdc.analysis.protocols import STRUCTURES
from acdc.analysis.surfaces import surface_distances

MM3_PER_ML = 1000
KEYS = ("case", "patient", "phase")
SCORES = ["dice", "hausdorff_mm", "assd_mm", "empty", "volume_ml", "true_volume_ml"]
EMPTY = ("none", "prediction", "reference", "both")


def structure_rows(
    found: np.ndarray, true: np.ndarray, case: Mapping[Any, Any], structures: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """One row per structure with the columns `KEYS`, `structure` and `SCORES`.

    Args:
        found: (N, H, W), predicted classes.
        true: (N, H, W), classes of the reference.
        case: the row of the store, with the spacing.
        structures: names of what is scored.
    """
    spacing_mm = [float(case[name]) for name in ("slice_mm", "row_mm", "column_mm")]
    voxel_ml = float(np.prod(spacing_mm)) / MM3_PER_ML
    for structure in structures:
        ours, reference = (classes == STRUCTURES[structure] for classes in (found, true))
        sizes = [int(mask.sum()) for mask in (ours, reference)]
        row = {key: case[key] for key in KEYS} | {"structure": structure}
        row["dice"] = dice_of(int((ours & reference).sum()), sum(sizes))
        row |= surface_distances(ours, reference, spacing_mm)._asdict()
        row["empty"] = EMPTY[(sizes[0] == 0) + 2 * (sizes[1] == 0)]
        yield row | {"volume_ml": sizes[0] * voxel_ml, "true_volume_ml": sizes[1] * voxel_ml}


def dice_of(shared: Any, sizes: Any) -> Any:
    """Dice from the voxels that two masks share and the sum of their sizes; 1 if both are empty."""
    sizes = np.asarray(sizes)
    return np.where(sizes > 0, 2 * np.asarray(shared) / np.maximum(sizes, 1), 1.0)[()]


def class_dice(counts: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """Dice (..., len(labels)) of each class from numbers of voxels (..., C, C) by true and found class."""
    shared = np.diagonal(counts, axis1=-2, axis2=-1)
    return dice_of(shared, counts.sum(axis=-1) + counts.sum(axis=-2))[..., list(labels)]
