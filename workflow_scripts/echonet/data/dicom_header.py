"""What the header of an ultrasound DICOM file says where it contradicts itself, or says nothing.

Each function returns the value that is right by the other statements, and sentences on what was odd. They quote only
numbers.
"""

import numpy as np
import pydicom
from pydicom.encaps import generate_frames, parse_basic_offsets
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit

from echonet.data.frames import MOST_FRAMES, RATE_TOLERANCE, first_plausible, rate_of_steps
from reprise.step.errors import InputError

JPEG = {JPEGBaseline8Bit, JPEGExtended12Bit}
CENTIMETRES = 3  # the code of this unit in a region
COLOURS = {"RGB", "YBR_FULL", "YBR_FULL_422"}


def frame_rate(header: pydicom.Dataset) -> tuple[float, str, list[str]]:
    """Frames per second, the field that says so, and what is odd.

    The times of the frames count more than the rate at which to show them. FrameIncrementPointer says which of the two
    fields holds the times; if it does not, it is the first that holds any.
    """
    vector = np.array([number(step) for step in np.atleast_1d(header.get("FrameTimeVector", []))[1:]])
    rate, oddities = rate_of_steps(vector)
    step = number(header.get("FrameTime"))
    times = {"FrameTime": 1000 / step if step > 0 else 0.0, "FrameTimeVector": rate}
    if header.get("FrameIncrementPointer") == pydicom.datadict.tag_for_keyword("FrameTimeVector"):
        times = dict(reversed(times.items()))
    shown = {name: number(header.get(name)) for name in ("CineRate", "RecommendedDisplayFrameRate")}
    fps, source = first_plausible(times | shown)
    if source != "FrameTimeVector":
        oddities = []
    others = [(name, value) for name, value in shown.items() if value > 0 and abs(value - fps) > RATE_TOLERANCE * fps]
    if source in times and others:
        name, value = others[0]
        oddities.append(f"its {name} is {value:.4g}, but its frames are {1000 / fps:.4g} ms apart, which counts")
    return fps, source, oddities


def pixel_height_by_width(header: pydicom.Dataset) -> float:
    """Height of a pixel divided by its width: by the region's scale, the spacing, or the aspect; 0 if none says."""
    for region in header.get("SequenceOfUltrasoundRegions") or []:
        across, down = (abs(number(region.get(f"PhysicalDelta{axis}"))) for axis in "XY")
        same_unit = region.get("PhysicalUnitsXDirection") == region.get("PhysicalUnitsYDirection") == CENTIMETRES
        if across and down and same_unit:
            return down / across
    for name in ("PixelSpacing", "PixelAspectRatio"):
        values = [number(value) for value in np.atleast_1d(header.get(name) or [])]
        if len(values) == 2 and min(values) > 0:
            return values[0] / values[1]
    return 0.0


def repair_header(header: pydicom.Dataset) -> list[str]:
    """Set what is evident but absent or wrong in a header, in place; says what."""
    colour = header.PhotometricInterpretation in COLOURS
    evident = {
        "SamplesPerPixel": 3 if colour else 1,
        "PixelRepresentation": 0,
        "BitsStored": header.BitsAllocated,
        **({"PlanarConfiguration": 0} if colour else {}),
    }
    absent = {name: value for name, value in evident.items() if header.get(name) is None}
    for name, value in absent.items():
        setattr(header, name, value)
    said = [f"its attribute {name} is absent; taken as {value}" for name, value in absent.items()]
    held = _frames_held(header)
    stated = header.get("NumberOfFrames")
    if held > MOST_FRAMES:
        raise InputError(f"is no clip: its pixels are those of {held} frames")
    if held > int(stated or 1):
        before = f"is {int(stated)}" if stated else "is absent"
        said.append(f"its NumberOfFrames {before}, but its pixels are those of {held} frames, which were all read")
    header.NumberOfFrames = max(held, int(stated or 1))
    if colour and header.file_meta.TransferSyntaxUID in JPEG:
        stored = _jpeg_colour(next(generate_frames(header.PixelData, number_of_frames=header.NumberOfFrames)))
        if (stored == "RGB") != (header.PhotometricInterpretation == "RGB"):
            said.append(f"its colours are labelled {header.PhotometricInterpretation}, but stored as {stored}")
            header.PhotometricInterpretation = stored
    return said


def number(value: object) -> float:
    """A number from a field of a header; 0 if it holds none, or one that is not finite."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 0.0
    return found if np.isfinite(found) else 0.0


def _frames_held(header: pydicom.Dataset) -> int:
    """How many frames the pixels are of; 0 if that cannot be known without decoding."""
    if header.file_meta.TransferSyntaxUID.is_compressed:
        return len(parse_basic_offsets(header.PixelData))
    samples = 2 if header.PhotometricInterpretation == "YBR_FULL_422" else header.SamplesPerPixel
    return 8 * len(header.PixelData) // max(1, header.Rows * header.Columns * samples * header.BitsAllocated)


def _jpeg_colour(stream: bytes) -> str:
    """The colours of a JPEG stream by the rules of libjpeg: RGB or YBR_FULL_422.

    The markers JFIF and Adobe say it; without them, the numbers of the components do.
    """
    at = 2
    while at + 4 < len(stream) and stream[at] == 0xFF:
        kind, length = stream[at + 1], int.from_bytes(stream[at + 2 : at + 4], "big")
        content = stream[at + 4 : at + 2 + length]
        if kind == 0xE0 and content.startswith(b"JFIF"):
            return "YBR_FULL_422"
        if kind == 0xEE and content.startswith(b"Adobe"):
            return "YBR_FULL_422" if content[11:12] == b"\1" else "RGB"
        if 0xC0 <= kind <= 0xC2:
            return "RGB" if bytes(content[6::3][:3]) == b"RGB" else "YBR_FULL_422"
        at += 2 + length
    return "YBR_FULL_422"
