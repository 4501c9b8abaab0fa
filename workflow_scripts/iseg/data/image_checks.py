"""What an image of a brain without its skull must be, in a data set and among a user's own files."""

from pathlib import Path

import numpy as np

from reprise.data.exact_types import LARGEST
from reprise.data.nifti import Volume, half_of
from reprise.data.nifti_grid import grid_difference

LEAST_AIR = 0.1  # of all voxels; an image with fewer voxels of 0 was not freed from the skull
LEAST_OVERLAP = 0.8  # Dice of the voxels that are not 0 in two files of one subject


def length_problem(path: Path, volume: Volume) -> str:
    """Why the voxels of a pair of files, of which `path` is one, cannot be as its header states, "" if they can.

    Voxels that go on behind those that the header states were written in another shape: they would be read garbled.
    """
    if half_of(path, "img") == half_of(path, "hdr") or not volume.spare_bytes:
        return ""
    return f"goes on for {volume.spare_bytes} bytes behind the voxels that its header states"


def image_problem(voxels: np.ndarray) -> str:
    """Why an image (X, Y, Z) cannot be taken, "" if it can."""
    low, high = float(voxels.min()), float(voxels.max())
    air = 1 - np.count_nonzero(voxels) / voxels.size
    if low == high:
        return "every voxel has the same value"
    if (brain := voxels[voxels != 0]).min() == brain.max():
        return "every voxel that is not 0 has the same value"
    if max(-low, high) > LARGEST:
        return f"values up to {max(-low, high):.3g}, which no 32-bit number holds"
    return "" if air >= LEAST_AIR else f"expected a brain without its skull, with 0 around it; found {air:.1%} of 0"


def brains_apart(first: np.ndarray, other: np.ndarray) -> tuple[int, str]:
    """How many voxels are 0 in only one of two volumes (X, Y, Z), and why they show no one brain, "" if they do."""
    brain, its = first != 0, other != 0
    apart = int(np.count_nonzero(brain != its))
    overlap = 1 - apart / max(1, int(np.count_nonzero(brain)) + int(np.count_nonzero(its)))
    found = f"found a Dice of {overlap:.2f} of the voxels that are not 0"
    return apart, "" if overlap >= LEAST_OVERLAP else found


def grids_apart(first: Volume, other: Volume) -> str:
    """How the grid of another file of a brain differs from that of the first, "" if both are one.

    Files that state no orientation do not say where they lie. An origin that a tool has written into some of them does
    not count: whether they show one brain in one place is seen from their voxels, see `brains_apart`.
    """
    if (other.orientation, other.stated) != (first.orientation, first.stated):
        return f"axes {_axes(other)}, not {_axes(first)}"
    affines = [
        np.hstack([each.affine[:, :3], np.eye(4)[:, 3:]]) if not each.stated else each.affine for each in (first, other)
    ]
    found = grid_difference(first.voxels.shape, affines[0], other.voxels.shape, affines[1])
    if found and not first.stated and first.voxels.shape == other.voxels.shape:
        shown = [" x ".join(f"{length:.4g}" for length in each.spacing_mm) for each in (other, first)]
        return f"voxels of {shown[0]} mm, not {shown[1]} mm"
    return found


def other_origin(first: Volume, other: Volume) -> bool:
    """Whether two files on one grid have origins that differ, which `grids_apart` lets pass."""
    return bool(grid_difference(first.voxels.shape, first.affine, other.voxels.shape, other.affine))


def _axes(volume: Volume) -> str:
    return f"stored as {volume.orientation}" if volume.stated else "without a stated orientation"
