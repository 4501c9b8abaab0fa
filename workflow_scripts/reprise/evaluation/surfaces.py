"""Distances between the surfaces of two masks: Hausdorff, its 95th percentile, and average distance, in mm."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.ndimage import binary_erosion, generate_binary_structure
from scipy.spatial import KDTree

NAN = float("nan")
ROBUST = 95  # percentile of the robust Hausdorff distance


class Distances(NamedTuple):
    """Distances in mm; 0 if both masks are empty, NaN if one of them is."""

    hausdorff_mm: float
    assd_mm: float
    hd95_mm: float


def surface_distances(found: np.ndarray, true: np.ndarray, spacing_mm: Sequence[float]) -> Distances:
    """Hausdorff distance, its robust form, and average symmetric surface distance of two masks.

    A voxel is on the surface if one of its neighbours along an axis is background or outside the volume. Each surface
    voxel of one mask has a distance to the nearest one of the other mask. The Hausdorff distance is the largest of both
    directions. The average distance is the mean of the two directions' means, not of all voxels together (medpy's `hd`
    and `assd`, connectivity 1). The 95 % Hausdorff distance is the larger one of the two directions' 95th percentiles,
    as MONAI and the guideline Metrics Reloaded (Maier-Hein et al., Nature Methods 2024) have it; medpy's `hd95` takes
    one percentile of both directions together, which is smaller where one direction is worse.

    Args:
        found: (N, H, W) bool, the predicted mask.
        true: (N, H, W) bool, the reference.
        spacing_mm: of the voxels along the three axes.
    """
    if not (found.any() and true.any()):
        return Distances(NAN, NAN, NAN) if found.any() or true.any() else Distances(0.0, 0.0, 0.0)
    points = [surface_voxels(mask) * np.asarray(spacing_mm, dtype=float) for mask in (found, true)]
    # a tree of the few surface voxels: one wrong voxel far away costs nothing, as it does for distance transforms
    nearest = [KDTree(points[1 - one]).query(points[one])[0] for one in (0, 1)]
    return Distances(
        float(max(each.max() for each in nearest)),
        float(np.mean([each.mean() for each in nearest])),
        float(max(np.percentile(each, ROBUST) for each in nearest)),
    )


def surface_voxels(mask: np.ndarray) -> np.ndarray:
    """Indices (K, 3) of the voxels of a mask (N, H, W) with a neighbour, along an axis, that is not in the mask."""
    box = bounding_box(mask)
    inside = mask[box]
    surface = inside & ~binary_erosion(inside, generate_binary_structure(mask.ndim, 1))
    return np.argwhere(surface) + [side.start for side in box]


def bounding_box(mask: np.ndarray, margin: Sequence[int] = (0, 0, 0)) -> tuple[slice, ...]:
    """The smallest box that holds a mask (N, H, W), and a margin in voxels around it; empty if the mask is."""
    box = []
    for axis, wide in enumerate(margin):
        filled = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        if not len(filled):
            return (slice(0, 0),) * mask.ndim
        box.append(slice(max(int(filled[0]) - wide, 0), min(int(filled[-1]) + 1 + wide, mask.shape[axis])))
    return tuple(box)
