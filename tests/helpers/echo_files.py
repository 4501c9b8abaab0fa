"""Echo clips with a known sector, and ultrasound DICOM files in every photometric form."""

import cv2
import numpy as np
import pydicom
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage

UID_ROOT = "1.2.826.0.1.3680043.8.498."
SHAPE = (240, 320)


def fan(shape=SHAPE, apex=(160, 12), radius=210, half_angle=0.7):
    """(H, W) bool: a sector that opens downwards."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    distance = np.hypot(x - apex[0], y - apex[1])
    return (distance < radius) & (np.abs(np.arctan2(x - apex[0], y - apex[1])) < half_angle)


def speckle(frames=12, mask=None, seed=0):
    """(F, H, W) uint8: speckle that changes from frame to frame inside a sector, black outside."""
    mask = fan() if mask is None else mask
    noise = np.random.default_rng(seed).rayleigh(40, (frames, *mask.shape))
    return (np.clip(noise, 6, 250) * mask).astype(np.uint8)


def burn(frames, text, where, scale=0.5):
    """Draw text into every frame, in place; a `{}` in it counts the frames."""
    for number, frame in enumerate(frames):
        cv2.putText(frame, text.format(number), where, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1)
    return frames


def write_dicom(path, pixels, photometric, syntax=ExplicitVRLittleEndian, bits=8, planar=0, **fields):
    """Write an ultrasound file; pixels (F, H, W) or (F, H, W, 3), for planar=1 (F, 3, H, W)."""
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = UID_ROOT + "77"
    data.PatientName, data.PatientID, data.Modality = "Roe^Richard", "MRN-771", "US"
    data.PhotometricInterpretation, data.SamplesPerPixel = photometric, 3 if pixels.ndim == 4 else 1
    data.Rows, data.Columns = pixels.shape[2:4] if planar else pixels.shape[1:3]
    data.NumberOfFrames, data.PixelRepresentation = len(pixels), 0
    data.BitsAllocated, data.BitsStored, data.HighBit = (8, 8, 7) if bits == 8 else (16, bits, bits - 1)
    if pixels.ndim == 4:
        data.PlanarConfiguration = planar
    for name, value in fields.items():
        setattr(data, name, value)
    dtype = "u1" if bits == 8 else (">u2" if syntax == ExplicitVRBigEndian else "<u2")
    data.PixelData = pixels.astype(dtype).tobytes()
    data.save_as(path, enforce_file_format=True)
    return path


def write_422(path, grey):
    """Write grey frames as uncompressed YBR_FULL_422: Y Y Cb Cr for each two pixels."""
    neutral = np.full_like(grey[..., ::2], 128)
    pixels = np.stack([grey[..., ::2], grey[..., 1::2], neutral, neutral], axis=-1)
    write_dicom(path, np.stack([grey] * 3, axis=-1), "YBR_FULL_422")
    data = pydicom.dcmread(path)
    data.PixelData = pixels.tobytes()
    data.save_as(path)
    return path


def write_palette(path, grey):
    """Write grey frames as PALETTE COLOR, the palette's entries in reverse order."""
    table = (np.arange(255, -1, -1, dtype="<u2") * 257).tobytes()
    fields = {}
    for colour in ("Red", "Green", "Blue"):
        fields[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        fields[f"{colour}PaletteColorLookupTableData"] = table
    return write_dicom(path, 255 - grey, "PALETTE COLOR", **fields)


def compress(path, syntax):
    """Rewrite a DICOM file in a compressed transfer syntax."""
    data = pydicom.dcmread(path)
    data.compress(syntax)
    data.save_as(path)
