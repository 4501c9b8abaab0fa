"""Reads the frames of an ultrasound DICOM file; its compression needs a decoder that is installed."""

from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pydicom
from pydicom.encaps import generate_frames
from pydicom.errors import InvalidDicomError
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, iter_pixels, pixel_array
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import EnhancedUSVolumeStorage

from echonet.data.clip_video import read_video_clip
from echonet.data.dicom_header import frame_rate, pixel_height_by_width, repair_header
from echonet.data.frames import LARGEST_BYTES, LARGEST_FRAME, Clip, NoClipError, stack_frames, with_square_pixels
from reprise.data.dicom_file import guessed_syntax, refuse_other_size, refuse_oversized, silence
from reprise.step.errors import InputError

ULTRASOUND = {"US", "IVUS", "OT", "SC", "XC", ""}  # echo exports often say OT, SC or XC, or nothing at all
NEEDED = ("PixelData", "Rows", "Columns", "PhotometricInterpretation", "BitsAllocated")
VIDEO_SYNTAXES = "1.2.840.10008.1.2.4.10"  # MPEG2, MPEG-4 AVC/H.264 and HEVC/H.265: .100 to .108
SCANS = {"MR", "CT", "PT", "NM"}  # modalities that have a form in NIfTI


def read_dicom_clip(path: Path) -> Clip:
    """Decode the frames of a DICOM file; colour becomes grey, more than 8 bits are scaled over the whole clip.

    Raises:
        NoClipError: it is no ultrasound.
        InputError: it has no pixels, or they cannot be decoded. The message quotes nothing.
    """
    with silence():
        header = _read_header(path)
        fps, fps_source, oddities = frame_rate(header)
        if str(header.file_meta.TransferSyntaxUID).startswith(VIDEO_SYNTAXES):
            video = _embedded_video(header)
            known = (fps, fps_source) if fps_source != "assumed" else (video.fps, video.fps_source)
            return Clip(video.frames, *known, (*oddities, *video.oddities))
        oddities += repair_header(header)
        frames, stretched = with_square_pixels(_decode(header), pixel_height_by_width(header))
        return Clip(frames, fps, fps_source, (*oddities, *stretched))


def _read_header(path: Path) -> pydicom.Dataset:
    try:
        with suppress(InvalidDicomError):  # there may be no meta information
            refuse_oversized(path, "; cut it into shorter clips")
        header = pydicom.dcmread(path, force=True)
        modality = str(header.get("Modality") or "").strip().upper()
        missing = [name for name in NEEDED if name not in header]
    except InputError:
        raise
    except Exception as error:  # a damaged file may make the parser raise anything
        raise InputError("is no readable DICOM file") from error
    if modality not in ULTRASOUND:
        scan = f"DICOM of {modality}, not of ultrasound; dcm2niix converts scans to NIfTI"
        raise NoClipError(scan if modality in SCANS else "DICOM of another modality than ultrasound")
    if "PixelData" in missing:
        raise InputError("is a DICOM file without an image, or one that ends before it")
    if missing:
        raise InputError(f"lacks the attribute {missing[0]}, without which its pixels mean nothing")
    if header.get("SOPClassUID") == EnhancedUSVolumeStorage:
        raise InputError("is an ultrasound volume, not a clip")
    if "TransferSyntaxUID" not in header.file_meta:
        header.file_meta.TransferSyntaxUID = guessed_syntax(header)
    return header


def _embedded_video(header: pydicom.Dataset) -> Clip:
    try:
        stream = b"".join(generate_frames(header.PixelData, number_of_frames=1))
    except Exception as error:
        raise InputError("is damaged: its video cannot be taken out of the DICOM file") from error
    return read_video_clip(BytesIO(stream))


def _decode(header: pydicom.Dataset) -> np.ndarray:
    """All frames, (F, H, W) uint8 grey.

    Raises:
        InputError: pixels are missing, damaged, or in a compression without a decoder.
    """
    _refuse_large(header)
    syntax = header.file_meta.TransferSyntaxUID
    encoding = f"transfer syntax: {syntax.name if syntax.name != str(syntax) else 'unknown'}"
    try:
        if not syntax.is_compressed and len(header.PixelData) < get_expected_length(header):
            raise InputError("is cut short: fewer pixels than its header promises")
        frames = stack_frames(_grey(frame, header) for frame in _frames(header))
        promised = int(header.NumberOfFrames)
        if len(frames) < promised:
            raise InputError(f"is cut short: its header promises {promised} frames, it holds {len(frames)}")
        del header.PixelData  # as large as the frames
        return _scale_to_bytes(frames, header)
    except InputError:
        raise
    except Exception as error:  # each decoder raises errors of its own
        raise InputError(f"has pixels that are damaged or cannot be decoded ({encoding})") from error


def _refuse_large(header: pydicom.Dataset) -> None:
    """Raise InputError if frames are too large for the memory, by the header or by what is compressed itself."""
    rows, columns = int(header.Rows), int(header.Columns)
    sample = -(-int(header.BitsAllocated) // 8)
    colour = int(header.SamplesPerPixel) > 1
    if rows * columns * sample * int(header.SamplesPerPixel) > LARGEST_FRAME:
        raise InputError(f"has frames of {rows} x {columns} pixels, which no scanner makes")
    if rows * columns * (1 if colour else sample) * int(header.NumberOfFrames) > LARGEST_BYTES:
        raise InputError(f"takes more than {LARGEST_BYTES >> 20} MB when decoded; cut it into shorter clips")
    refuse_other_size(header, int(header.NumberOfFrames))


def _frames(header: pydicom.Dataset) -> Iterator[np.ndarray]:
    """Frames as pydicom decodes them: colour as RGB, palettes not applied."""
    if header.file_meta.TransferSyntaxUID.is_compressed:
        yield from iter_pixels(header)
        return
    # Singly: iter_pixels of pydicom 3.0 reads uncompressed YBR_FULL_422 as YBR_FULL from the second frame on.
    for index in range(int(header.NumberOfFrames)):
        yield pixel_array(header, index=index)


def _grey(frame: np.ndarray, header: pydicom.Dataset) -> np.ndarray:
    """One frame as (H, W): colour as 8-bit luminance, grey as stored."""
    if header.PhotometricInterpretation == "PALETTE COLOR":
        frame = apply_color_lut(frame, header)
        bits = 8 if frame.max() < 256 else 16
    else:
        bits = int(header.BitsStored)
    if frame.ndim == 3:
        return cv2.cvtColor(np.right_shift(frame, max(bits - 8, 0)).astype(np.uint8), cv2.COLOR_RGB2GRAY)
    return np.ascontiguousarray(frame, frame.dtype.newbyteorder("="))


def _scale_to_bytes(frames: np.ndarray, header: pydicom.Dataset) -> np.ndarray:
    """Grey frames as uint8: eight unsigned bits stay as they are, others are scaled to the range of the clip."""
    grey = header.PhotometricInterpretation.startswith("MONOCHROME")
    if frames.dtype != np.uint8 or (grey and header.BitsStored != 8):
        # One by one, because values in between take eight bytes a pixel.
        bounds = [(shown.min(), shown.max()) for frame in frames for shown in [_shown(frame, header)]]
        low, high = float(min(low for low, _ in bounds)), float(max(high for _, high in bounds))
        scaled = np.empty(frames.shape, np.uint8)
        for number, frame in enumerate(frames):
            values = _shown(frame, header).astype(np.float32)
            scaled[number] = np.round((values - low) * (255 / max(high - low, 1e-9)))
        frames = scaled
    return 255 - frames if header.PhotometricInterpretation == "MONOCHROME1" else frames


def _shown(frame: np.ndarray, header: pydicom.Dataset) -> np.ndarray:
    """The values of a grey frame that a viewer would show."""
    return apply_voi_lut(apply_modality_lut(frame, header), header)
