"""One volume of a multiple-sclerosis scan, image or mask: from a NIfTI file or from a folder of slices."""

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mslesion.data.layouts import MASKS
from reprise.data.nifti import Volume, plain_header, read_volume
from reprise.data.png import png_size
from reprise.step.errors import InputError

MOST_PIXELS = 2**29  # of a scan
MASK_LEVEL = 0.2  # fraction of its largest value: in a mask of the image tree, more than this is lesion, as published


def read_content(root: Path, files: Sequence[str], content: str) -> Volume:
    """One volume of a scan, from its file or its slices; a mask's voxels become uint8, 0 or 1.

    Raises:
        InputError: a file is missing or damaged, or a mask is not binary.
    """
    volume = _read_slices(root, files, content) if files[0].endswith(".png") else read_volume(root / files[0])
    if content not in MASKS:
        return volume
    values = _mask_values(volume.voxels)
    if values[0] != 0 or len(values) > 2 or min(values) < 0:
        shown = ", ".join(f"{value:.9g}" for value in values)
        raise InputError(f"{root / files[0]}: expected a mask of 0 and one other, positive value, found {shown}")
    return volume._replace(voxels=(volume.voxels != 0).astype(np.uint8))


def to_slices(voxels: np.ndarray) -> np.ndarray:
    """Canonical voxels (X, Y, Z) as axial slices (N, H, W) from the bottom up, as radiologists view them.

    The front of the head is at the top and the patient's right is on the left.
    """
    return voxels[::-1, ::-1].transpose(2, 1, 0)


def from_slices(slices: np.ndarray) -> np.ndarray:
    """Canonical voxels (X, Y, Z) from axial slices (N, H, W); the reverse of `to_slices`."""
    return slices.transpose(2, 1, 0)[::-1, ::-1]


def _read_slices(root: Path, files: Sequence[str], content: str) -> Volume:
    sizes = [png_size(root / name) for name in files]
    if sum(map(math.prod, sizes)) > MOST_PIXELS:
        raise InputError(f"{(root / files[0]).parent}: expected at most {MOST_PIXELS} pixels in a scan, found more")
    slices = [_read_png(root / name) for name in files]
    if len({image.shape for image in slices}) > 1:
        raise InputError(f"{(root / files[0]).parent}: expected slices of one size")
    stack = np.stack(slices)
    if content in MASKS:
        highest = np.maximum(stack.max(axis=(1, 2), keepdims=True), 1)
        stack = (stack > MASK_LEVEL * highest).astype(np.uint8)
    voxels = from_slices(stack)
    header = plain_header(voxels.shape)
    return Volume(voxels, np.eye(4), (1.0, 1.0, 1.0), "LAS", False, header)


def _read_png(path: Path) -> np.ndarray:
    """A grey image (H, W) uint8; an image with three equal channels counts as grey."""
    try:
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    except (OSError, cv2.error) as error:
        raise InputError(f"{path}: not readable ({' '.join(str(error).split())})") from error
    if image is None:
        raise InputError(f"{path}: no readable image")
    grey = image if image.ndim == 2 else image[..., 0]
    if image.dtype != np.uint8 or (image.ndim == 3 and (image[..., :3] != grey[..., None]).any()):
        raise InputError(f"{path}: expected a grey image of 8 bits")
    return grey


def _mask_values(voxels: np.ndarray) -> tuple[float, ...]:
    """The values of a mask: 0 if it occurs, and the first three others. It copies no voxels, as they may be many."""
    others = voxels != 0
    values: list[float] = []
    zero = () if others.all() else (0.0,)
    while len(values) < 3 and others.any():
        values.append(float(voxels.min(where=others, initial=voxels.max())))
        others &= voxels != values[-1]
    return (*zero, *values)
