"""A DICOM series of short-axis MRI: images put together to a stack, or to a cine, by what their headers state."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pydicom
from nibabel.nifti1 import Nifti1Header
from pydicom.errors import InvalidDicomError
from pydicom.pixels import apply_modality_lut, pixel_array

from acdc.data.frame_bounds import refuse_large
from reprise.data.dicom_file import guessed_syntax, refuse_other_size, refuse_oversized, silence
from reprise.step.errors import InputError

NEEDED = ("Rows", "Columns", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient")
SAME_PLACE_MM, SAME_DIRECTION = 0.05, 1e-3
UNEVEN = 0.1  # of the distance of two slices
TO_RAS = np.diag([-1.0, -1.0, 1.0])  # DICOM's axes run to the left, the back and the head


class Image(NamedTuple):
    """One image of a series: its file, place (3,) in mm, directions (2, 3) of columns and rows, and order in time."""

    path: Path
    header: pydicom.Dataset
    place: np.ndarray
    directions: np.ndarray
    order: tuple[float, int]


def read_series(paths: Sequence[Path]) -> tuple[np.ndarray, Nifti1Header]:
    """The frames (T, X, Y, Z) of a series, and the header of a NIfTI file on its grid.

    Images at one place are frames of a cine, in the order of their trigger times, or else of their numbers.

    Raises:
        InputError: no MR images, images of several kinds, an image that is missing or there twice, slices that are not
            evenly spaced, or pixels that cannot be decoded. The message quotes nothing.
    """
    with silence():
        images = [_read_image(path) for path in paths]
        _refuse_mixture(images)
        slices = _by_place(images)
        refuse_large((len(slices[0]), len(slices), int(images[0].header.Rows), int(images[0].header.Columns)))
        frames = [[_pixels(image) for image in of_place] for of_place in zip(*slices, strict=True)]
    stacked = np.stack([np.stack(stack, axis=-1) for stack in frames])
    return stacked, _nifti_header(slices, stacked.shape[1:])


def _read_image(path: Path) -> Image:
    try:
        with suppress(InvalidDicomError):  # there may be no meta information
            refuse_oversized(path)
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        modality = str(header.get("Modality") or "").strip().upper()
        missing = [name for name in NEEDED if name not in header]
        if not modality:  # any bytes at all can be taken for DICOM
            raise InputError("a file is neither a NIfTI, a PNG nor a DICOM file of MRI")
        if modality != "MR":
            raise InputError("a DICOM file is no MR image")
        if int(header.get("NumberOfFrames") or 1) > 1 or "SharedFunctionalGroupsSequence" in header:
            raise InputError("a DICOM file holds several images (enhanced MR); dcm2niix makes NIfTI of it")
        if missing:
            raise InputError(f"a DICOM file lacks the attribute {missing[0]}")
        place, directions = (np.array(header[name].value, float) for name in NEEDED[3:])
        order = (float(header.get("TriggerTime") or 0), int(header.get("InstanceNumber") or 0))
        return Image(path, header, place, directions.reshape(2, 3), order)
    except InputError:
        raise
    except Exception as error:  # a damaged file may make the parser raise anything
        raise InputError("a file is no readable DICOM file") from error


def _refuse_mixture(images: Sequence[Image]) -> None:
    """Raise InputError unless all images are of one size, spacing and direction, and of a possible one."""
    first = images[0]
    rows, columns = int(first.header.Rows), int(first.header.Columns)
    if min(rows, columns) < 1:
        raise InputError("the DICOM images have no pixels")
    spacing = np.array(first.header.PixelSpacing, float)
    if not (np.isfinite(spacing).all() and (spacing > 0).all()):
        raise InputError("the DICOM images state a pixel spacing that is not positive")
    across = np.linalg.norm(np.cross(*first.directions))
    if not abs(across - 1) < SAME_DIRECTION:
        raise InputError("the DICOM images state rows and columns that are not at right angles")
    for image in images:
        same = (int(image.header.Rows), int(image.header.Columns)) == (rows, columns)
        same &= np.allclose(np.array(image.header.PixelSpacing, float), spacing, rtol=1e-3)
        if not same or not np.allclose(image.directions, first.directions, atol=SAME_DIRECTION):
            raise InputError("the DICOM images are of several sizes, spacings or directions; give one series")


def _by_place(images: Sequence[Image]) -> list[list[Image]]:
    """The images of each place, from one end to the other, each in the order of time; all have equally many.

    Raises:
        InputError: an image is missing or there twice, or the places are not evenly spaced.
    """
    normal = np.cross(*images[0].directions)
    ordered = sorted(images, key=lambda image: float(image.place @ normal))
    heights = np.array([image.place @ normal for image in ordered])
    starts = np.flatnonzero(np.diff(heights, prepend=-np.inf) > SAME_PLACE_MM)
    groups = [list(part) for part in np.split(np.arange(len(ordered)), starts[1:])]
    slices = [sorted((ordered[at] for at in group), key=lambda image: image.order) for group in groups]
    counts = {len(group) for group in groups}
    if len(counts) > 1:
        raise InputError(f"the DICOM series has slices with {min(counts)} and with {max(counts)} images: some lack")
    if any(len({image.order for image in group}) < len(group) for group in slices):
        raise InputError("the DICOM series has two images of one slice and one time")
    apart = np.diff(heights[starts])
    if len(apart) and (np.abs(apart - np.median(apart)) > UNEVEN * np.median(apart)).any():
        raise InputError(f"the DICOM series has slices {apart.min():.3g} to {apart.max():.3g} mm apart: one may lack")
    return slices


def _pixels(image: Image) -> np.ndarray:
    """The values (X, Y) of an image."""
    try:
        header = pydicom.dcmread(image.path, force=True)
        if "TransferSyntaxUID" not in header.file_meta:
            header.file_meta.TransferSyntaxUID = guessed_syntax(header)
        if int(header.SamplesPerPixel) != 1:
            raise InputError("a DICOM image has colours")
        refuse_other_size(header, 1)
        values = np.asarray(apply_modality_lut(pixel_array(header), header), np.float32)
        if values.shape != (int(header.Rows), int(header.Columns)) or not np.isfinite(values).all():
            raise InputError("a DICOM image has pixels that are no image")
        return values.T
    except InputError as error:
        raise InputError(f"the DICOM series cannot be read: {error}") from error
    except Exception as error:  # each decoder raises errors of its own
        raise InputError("the DICOM series has pixels that are damaged or cannot be decoded") from error


def _nifti_header(slices: Sequence[Sequence[Image]], shape: tuple[int, ...]) -> Nifti1Header:
    """The header of a volume with this shape, on the grid of the images."""
    first, last = slices[0][0], slices[-1][0]
    row_mm, column_mm = (float(length) for length in first.header.PixelSpacing)
    if len(slices) > 1:
        step = (last.place - first.place) / (len(slices) - 1)
    else:
        thickness = float(first.header.get("SpacingBetweenSlices") or first.header.get("SliceThickness") or 1)
        step = np.cross(*first.directions) * (thickness if thickness > 0 else 1)
    affine = np.eye(4)
    to_right, down = first.directions
    affine[:3] = TO_RAS @ np.column_stack([to_right * column_mm, down * row_mm, step, first.place])
    header = Nifti1Header()
    header.set_data_shape(shape)
    header.set_sform(affine, 1)
    header.set_qform(affine, 1, strip_shears=True)
    header["xyzt_units"] = 2
    return header
