"""A user's own short-axis stacks and cines: NIfTI files, DICOM series and PNG pictures, all as frames of slices."""

import gzip
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import nibabel
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.nifti1 import Nifti1Header
from nibabel.orientations import apply_orientation, io_orientation

from acdc.data.cine import cine_slices, read_cine
from acdc.data.dicom_series import read_series
from acdc.data.frame_bounds import refuse_large
from acdc.data.short_axis import from_slices, header_orientation, slice_spacing, to_slices
from reprise.data.nifti import (
    GZIP,
    HEADER_SIZE,
    HEADERS,
    ending_of,
    half_of,
    mask_content,
    plain_header,
    read_volume,
    without_text,
)
from reprise.data.nifti_grid import spans_volume
from reprise.data.png import PNG, png_size
from reprise.step.command import reading
from reprise.step.errors import InputError
from reprise.step.files import refuse_irregular

FIELD_MM = 340.0  # the longer side of a short-axis image, about; a PNG picture has no size in mm
PNG_SLICE_MM = 10.0
FEW = 20  # a map of labels has fewer different values, an image more


class Stack(NamedTuple):
    """Frames of short-axis slices, as they are viewed.

    frames: (T, N, H, W).
    spacing_mm: between slices, rows and columns.
    headers: of the NIfTI files on the input's own grid: one for all frames, or one for each.
    measured: whether the spacing is known; it is not in a picture.
    notes: sentences about what is odd.
    """

    frames: np.ndarray
    spacing_mm: tuple[float, float, float]
    headers: tuple[bytes, ...]
    measured: bool = True
    notes: tuple[str, ...] = ()


def read_stack(paths: Sequence[Path]) -> Stack:
    """Read what a user gives at once: a NIfTI stack or cine, two NIfTI stacks of one heart, a DICOM series, or a PNG.

    Raises:
        InputError: nothing of these, damaged, too large, or with one value only.
    """
    nifti = [path for path in paths if ending_of(path)]
    nifti = [path for path in nifti if path == half_of(path, "hdr") or half_of(path, "hdr") not in nifti]
    pictures = [path for path in paths if _begins(path, PNG)]
    if len(nifti) > 2 or len(pictures) > 1 or (len(nifti) > 0) + (len(pictures) > 0) + _others(paths, pictures) != 1:
        raise InputError("expected one NIfTI file, two of one heart, the files of one DICOM series, or one PNG file")
    if nifti:
        stack = _together([_read_nifti(path) for path in nifti])
    elif pictures:
        stack = _read_picture(pictures[0])
    else:
        stack = _read_dicom(paths)
    if float(stack.frames.min()) == float(stack.frames.max()):
        raise InputError("every pixel has the same value")
    return stack


def label_files(stack: Stack, labels: np.ndarray) -> list[bytes]:
    """Labels (T, N, H, W) uint8 as `.nii.gz` files on the input's own grid, without the free text of its headers."""
    parts = [labels] if len(stack.headers) == 1 else labels[:, None]
    return [
        mask_content(_canonical(part, header), without_text(header), packed=True)
        for part, header in zip(parts, stack.headers, strict=True)
    ]


def is_label_map(frames: np.ndarray) -> bool:
    """Whether these are labels, not an image: few different values, all of them whole."""
    values = np.unique(frames.ravel()[:: 1 + frames.size // 2**20])
    return len(values) < FEW and bool((values == np.rint(values)).all())


def _begins(path: Path, start: bytes) -> bool:
    with reading("a file", "not readable"), path.open("rb") as stream:
        return stream.read(len(start)) == start


def _others(paths: Sequence[Path], pictures: Sequence[Path]) -> bool:
    return any(not ending_of(path) and path not in pictures for path in paths)


def _canonical(labels: np.ndarray, header: bytes) -> np.ndarray:
    """Labels (T, N, H, W) as canonical voxels (X, Y, Z), or (X, Y, Z, T) if there are several frames."""
    orientation = header_orientation(header)
    frames = [from_slices(frame, orientation) for frame in labels]
    return np.stack(frames, axis=-1) if len(frames) > 1 else frames[0]


def _read_nifti(path: Path) -> Stack:
    head = half_of(path, "hdr")
    refuse_irregular(head)
    with reading(head, "no readable NIfTI file"), gzip.open(head) if _begins(head, GZIP) else head.open("rb") as stream:
        block = stream.read(HEADER_SIZE)
    sizes = {int.from_bytes(block[:4], order) for order in ("little", "big")} & {*HEADERS}
    if not sizes or len(block) < min(sizes):
        return _read_volume(path)  # which says what is wrong
    header = HEADERS[min(sizes)](block[: min(sizes)], check=False)
    axes, *lengths = (int(length) for length in header["dim"])
    if not 3 <= axes <= 7 or min(lengths[:axes]) < 1:
        return _read_volume(path)
    columns, rows, count, *others = lengths[:axes]
    frames = math.prod(others)
    refuse_large((frames, count, rows, columns))
    return _read_cine(head, header, block) if frames > 1 else _read_volume(path)


def _read_cine(path: Path, header: Nifti1Header, block: bytes) -> Stack:
    if bytes(header["magic"])[:1] != b"n":
        raise InputError("a cine in Analyze's format; save it as NIfTI")
    affine = header.get_best_affine()
    if not spans_volume(affine):
        raise InputError(f"{path}: no valid affine (its axes do not span a volume)")
    orientation, spacing = header_orientation(block), _canonical_spacing(affine)
    return Stack(cine_slices(read_cine(path), orientation), slice_spacing(spacing, orientation), (block,))


def _read_volume(path: Path) -> Stack:
    volume = read_volume(path)
    notes = [volume.oddity] if volume.oddity else []
    if not volume.stated:
        notes.append(f"states no orientation (qform and sform absent); taken as {volume.orientation}")
    slices = to_slices(volume.voxels, volume.orientation)
    spacing = slice_spacing(volume.spacing_mm, volume.orientation)
    return Stack(slices[None], spacing, (volume.header,), notes=tuple(notes))


def _canonical_spacing(affine: np.ndarray) -> tuple[float, float, float]:
    axes = io_orientation(affine)[:, 0].astype(int)
    x_mm, y_mm, z_mm = voxel_sizes(affine)[np.argsort(axes)].tolist()
    return x_mm, y_mm, z_mm


def _together(stacks: Sequence[Stack]) -> Stack:
    """One stack, or two stacks of one heart as two frames."""
    if len(stacks) == 1:
        return stacks[0]
    first, second = stacks
    if len(first.frames) + len(second.frames) != 2:
        raise InputError("expected two stacks of one time each, found a cine; give a cine alone")
    if first.frames.shape != second.frames.shape or not np.allclose(first.spacing_mm, second.spacing_mm, rtol=1e-3):
        raise InputError(
            "the two stacks have other shapes or spacings: "
            f"{'x'.join(map(str, first.frames.shape[1:]))} and {'x'.join(map(str, second.frames.shape[1:]))}"
        )
    frames = np.concatenate([first.frames, second.frames])
    return first._replace(frames=frames, headers=first.headers + second.headers, notes=first.notes + second.notes)


def _read_picture(path: Path) -> Stack:
    """A grey PNG of 8 or 16 bits; where it is transparent, it is black."""
    width, height = png_size(path)
    refuse_large((1, 1, height, width))
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise InputError("a PNG file is damaged")
    grey = image if image.ndim == 2 else image[..., 0]
    if image.ndim == 3 and (image[..., :3] != grey[..., None]).any():
        raise InputError("expected a grey PNG, found colours")
    if image.ndim == 3 and image.shape[2] == 4:
        grey = grey * (image[..., 3] / image[..., 3].max(initial=1))
    pixel_mm = FIELD_MM / max(height, width)
    note = f"a picture has no size in mm: its longer side was taken as {FIELD_MM:g} mm, and there are no volumes"
    header = plain_header((width, height, 1), (pixel_mm, pixel_mm, PNG_SLICE_MM))
    return Stack(grey[None, None], (PNG_SLICE_MM, pixel_mm, pixel_mm), (header,), measured=False, notes=(note,))


def _read_dicom(paths: Sequence[Path]) -> Stack:
    voxels, header = read_series(paths)
    affine = header.get_best_affine()
    orientation = "".join(nibabel.aff2axcodes(affine))
    if len(voxels) > 1:
        header.set_data_shape((*voxels.shape[1:], len(voxels)))
    ornt = io_orientation(affine)
    frames = np.stack([to_slices(apply_orientation(frame, ornt), orientation) for frame in voxels])
    spacing = slice_spacing(_canonical_spacing(affine), orientation)
    return Stack(frames, spacing, (bytes(header.binaryblock),))
