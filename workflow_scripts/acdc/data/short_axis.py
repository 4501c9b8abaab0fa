"""Short-axis stacks: from the voxels of a file to slices as they are viewed, and back."""

import numpy as np
from nibabel.orientations import aff2axcodes

from reprise.data.nifti import HEADERS

AXES = {"L": 0, "R": 0, "P": 1, "A": 1, "I": 2, "S": 2}  # the canonical axis along which a stored axis runs
BACKWARDS = "LPI"


def to_slices(voxels: np.ndarray, orientation: str) -> np.ndarray:
    """Canonical voxels (X, Y, Z) as slices (N, H, W): those of the file's third axis, in the file's order.

    Rows and columns are as radiologists view them: the patient's front, or else the head, is at the top; the patient's
    right, or else the front, is on the left.

    Args:
        voxels: canonical, so the axes run to the right, the front and the top.
        orientation: of the stored axes, such as LPS.
    """
    slices = np.moveaxis(voxels, AXES[orientation[2]], 0)[:, ::-1, ::-1].transpose(0, 2, 1)
    return slices[::-1] if orientation[2] in BACKWARDS else slices


def from_slices(slices: np.ndarray, orientation: str) -> np.ndarray:
    """Canonical voxels (X, Y, Z) from slices (N, H, W); the reverse of `to_slices`."""
    ordered = slices[::-1] if orientation[2] in BACKWARDS else slices
    return np.moveaxis(ordered.transpose(0, 2, 1)[:, ::-1, ::-1], 0, AXES[orientation[2]])


def slice_spacing(spacing_mm: tuple[float, float, float], orientation: str) -> tuple[float, float, float]:
    """The spacing (slice, row, column) in mm of slices, from that of the canonical axes."""
    through = AXES[orientation[2]]
    across, along = (spacing_mm[axis] for axis in range(3) if axis != through)
    return spacing_mm[through], along, across


def header_orientation(header: bytes) -> str:
    """The directions of the stored axes, such as LPS, by the header of a volume as `read_volume` gives it."""
    sizes = {int.from_bytes(header[:4], order) for order in ("little", "big")}
    size = next(size for size in HEADERS if size in sizes)
    return "".join(aff2axcodes(HEADERS[size](header[:size], check=False).get_best_affine()))
