"""Reads an X-ray from a DICOM file as it is shown: bright where little of the rays arrives."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixels import apply_modality_lut, apply_voi_lut, pixel_array

from medfm.data.pictures import LEAST_SIDE, MOST_PIXELS, Picture
from reprise.data.dicom_file import guessed_syntax, refuse_other_size, refuse_oversized, silence
from reprise.step.errors import InputError

XRAY = {"CR", "DX", "RG", "OT", "SC", ""}  # exports often say OT or SC, or nothing at all
GREY = ("MONOCHROME1", "MONOCHROME2")
NEEDED = ("PixelData", "Rows", "Columns", "PhotometricInterpretation", "BitsAllocated")


def read_xray(path: Path) -> Picture:
    """The pixels (H, W, 1) uint8 of an X-ray, by the window of its header if it has one; black is the lowest of them.

    Raises:
        InputError: no X-ray of one frame, damaged, or too large. The message quotes nothing of the file.
    """
    with silence():
        try:
            refuse_oversized(path)
            header = pydicom.dcmread(path)
            _refuse_other(header)
        except InputError:
            raise
        except Exception as error:  # a damaged file may make the parser raise anything
            raise InputError("is no readable DICOM file") from error
        try:
            values = apply_voi_lut(apply_modality_lut(pixel_array(header), header), header).astype(np.float64)
            window = "WindowCenter" in header or "VOILUTSequence" in header
        except Exception as error:  # each decoder raises errors of its own
            raise InputError("has pixels that are damaged, missing, or cannot be decoded") from error
        turned = header.PhotometricInterpretation == "MONOCHROME1"
    low, high = values.min(), values.max()
    if not np.isfinite([low, high]).all() or low == high:
        raise InputError("every pixel has the same value")
    pixels = np.round((values - low) * (255 / (high - low))).astype(np.uint8)
    oddities = ["DICOM, shown by its window" if window else "DICOM without a window; its whole range is shown"]
    oddities += ["dark means much (MONOCHROME1); turned over"] if turned else []
    return Picture((255 - pixels if turned else pixels)[..., None], "; ".join(oddities))


def _refuse_other(header: pydicom.Dataset) -> None:
    """Raise InputError unless a header promises one grey image of bearable size."""
    if missing := [name for name in NEEDED if name not in header]:
        raise InputError(f"is a DICOM file without {missing[0]}")
    modality = str(header.get("Modality") or "").strip().upper()
    grey = header.PhotometricInterpretation in GREY and int(header.get("SamplesPerPixel") or 1) == 1
    if modality not in XRAY or not grey:
        raise InputError("is a DICOM file, but no X-ray of one grey channel")
    frames, height, width = int(header.get("NumberOfFrames") or 1), int(header.Rows), int(header.Columns)
    if frames > 1:
        raise InputError(f"expected one image, found {frames} frames")
    if min(height, width) < LEAST_SIDE or height * width > MOST_PIXELS:
        raise InputError(f"expected {LEAST_SIDE} x {LEAST_SIDE} to {MOST_PIXELS / 1e6:.0f} million pixels")
    if "TransferSyntaxUID" not in header.file_meta:
        header.file_meta.TransferSyntaxUID = guessed_syntax(header)
    refuse_other_size(header, frames)
