"""Distances between the surfaces of two masks: Hausdorff and average symmetric surface distance, in mm."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt, generate_binary_structure

NAN = float("nan")


class Distances(NamedTuple):
    """Distances in mm; 0 if both masks are empty, NaN if one of them is."""

    hausdorff_mm: float
    assd_mm: float


def surface_distances(found: np.ndarray, true: np.ndarray, spacing_mm: Sequence[float]) -> Distances:
    """Hausdorff distance and average symmetric surface distance of two masks.

    A voxel is on the surface if one of its neighbours along an axis is background or outside the volume. The Hausdorff
    distance is the largest distance from a surface voxel of one mask to the other mask's nearest one; the average one
    is the mean of the two directions' means (Heimann et al., IEEE TMI 2009; medpy's `hd` and `assd`, connectivity 1).

    Args:
        found: (N, H, W) bool, the predicted mask.
        true: (N, H, W) bool, the reference.
        spacing_mm: of the voxels along the three axes.
    """
    if not (found.any() and true.any()):
        return Distances(NAN, NAN) if found.any() or true.any() else Distances(0.0, 0.0)
    box = bounding_box(found | true)  # each nearest voxel lies in it, so transforms of the whole volume are not needed
    surfaces = [surface_of(mask[box]) for mask in (found, true)]
    away = [distance_transform_edt(~surface, sampling=spacing_mm) for surface in surfaces]
    nearest = [away[1][surfaces[0]], away[0][surfaces[1]]]
    return Distances(float(max(each.max() for each in nearest)), float(np.mean([each.mean() for each in nearest])))


def surface_of(mask: np.ndarray) -> np.ndarray:
    """The voxels of a mask (N, H, W) with a neighbour along an axis that is background or outside the volume."""
    return mask & ~binary_erosion(mask, generate_binary_structure(mask.ndim, 1))


def bounding_box(mask: np.ndarray, margin: Sequence[int] = (0, 0, 0)) -> tuple[slice, ...]:
    """The smallest box that holds a mask (N, H, W), and a margin in voxels around it; empty if the mask is."""
    box = []
    for axis, wide in enumerate(margin):
        filled = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        if not len(filled):
            return (slice(0, 0),) * mask.ndim
        box.append(slice(max(int(filled[0]) - wide, 0), min(int(filled[-1]) + 1 + wide, mask.shape[axis])))
    return tuple(box)
