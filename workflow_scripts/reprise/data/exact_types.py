"""The smallest type of number in which a store keeps voxels without loss."""

from collections.abc import Iterable

import numpy as np

LARGEST = float(np.finfo(np.float32).max)
EXACT = (np.uint8, np.int16, np.float32)  # types in which voxels may be stored


def smallest_type(voxels: np.ndarray, low: float, high: float) -> str:
    """The smallest type of `EXACT` that holds all voxels; else float32, even if it rounds them to 7 digits.

    `low` and `high` are the smallest and the largest voxel.
    """
    for dtype in EXACT[:2]:
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            whole = voxels.dtype.kind in "iu" or bool((voxels == np.rint(voxels)).all())
            return np.dtype(dtype).name if whole else "float32"
    return "float32"


def common_type(names: Iterable[str]) -> np.dtype:
    """The smallest type of `EXACT` that holds the voxels of all of these types of `EXACT`."""
    there = set(names)
    return next(np.dtype(kind) for kind in reversed(EXACT) if np.dtype(kind).name in there)
