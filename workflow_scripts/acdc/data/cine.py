"""The 4-D file of a patient: all frames of one heartbeat."""

import math
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt

from acdc.data.short_axis import to_slices
from reprise.data.nifti import DEFLATE_RATIO, LARGEST_BYTES
from reprise.step.command import reading
from reprise.step.errors import InputError
from reprise.step.files import refuse_irregular, regular_size

MOST_FRAMES = 1000


def read_cine(path: Path) -> np.ndarray:
    """The voxels (X, Y, Z, T) of a 4-D NIfTI file, as stored.

    Raises:
        InputError: no such regular file, no NIfTI, damaged, not four axes, more than 1 GB of voxels, voxels that are no
            numbers, NaN or infinite.
    """
    refuse_irregular(path)
    with reading(path, "not a readable cine; a NIfTI file is expected"), np.errstate(all="ignore"):
        image: Any = nibabel.load(path)
        shape, dtype = image.shape, image.get_data_dtype()
        shown = "x".join(map(str, shape))
        if len(shape) != 4 or min(shape) < 1 or shape[3] > MOST_FRAMES:
            raise InputError(f"{path}: expected a cine with 4 axes and at most {MOST_FRAMES} frames, found {shown}")
        if dtype.kind not in "iuf" or dtype.itemsize > 8:
            raise InputError(f"{path}: expected one number for each voxel, found {dtype}")
        scaled = (image.dataobj.slope, image.dataobj.inter) != (1, 0)
        size = math.prod(shape) * (8 if scaled else dtype.itemsize)
        stored = math.prod(shape) * dtype.itemsize
        if size > LARGEST_BYTES or stored > regular_size(path) * DEFLATE_RATIO:
            raise InputError(
                f"{path}: expected at most {LARGEST_BYTES >> 20} MB of voxels, all in the file; its header "
                f"states {shown}"
            )
        voxels = np.asanyarray(image.dataobj)
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        raise InputError(f"{path}: {np.count_nonzero(~np.isfinite(voxels))} voxels are NaN or infinite")
    return voxels


def cine_slices(voxels: np.ndarray, orientation: str) -> np.ndarray:
    """Stored voxels (X, Y, Z, T) as slices (T, N, H, W), as `to_slices` arranges those of one frame.

    `orientation`: of the stored axes, by the header of the patient's frames.
    """
    canonical = apply_orientation(voxels, axcodes2ornt(tuple(orientation)))
    return np.stack([to_slices(canonical[..., frame], orientation) for frame in range(canonical.shape[3])])
