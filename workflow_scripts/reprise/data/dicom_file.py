"""What all readers of DICOM files share: bounds before any work, silence about what headers say, damaged statements."""

import logging
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
from pydicom.encaps import generate_frames
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from reprise.data.coded_size import coded_size
from reprise.step.errors import InputError

LARGEST_FILE, LARGEST_INFLATED, PIECE = 2**30, 2**28, 2**20  # bytes
RLE_RATIO, LARGEST_RLE = 64, 2**30  # one byte becomes at most so many; bytes of a frame that is decoded
META = 128 + 4 + 12  # bytes before those that the length of the meta information counts


@contextmanager
def silence() -> Iterator[None]:
    """Keep header values out of the log: warnings of pydicom and of its decoders quote them."""
    loggers = [logging.getLogger(name) for name in ("pydicom", "pylibjpeg", "libjpeg", "openjpeg")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def refuse_oversized(path: Path, advice: str = "") -> None:
    """Raise InputError if a file, or what it inflates to, is larger than any image; `advice` ends the message.

    Raises:
        InvalidDicomError: there is no meta information.
    """
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(f"is a file of more than {LARGEST_FILE >> 20} MB{advice}")
    meta = pydicom.filereader.read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    inflater, inflated = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as stream:
        stream.seek(META + meta.FileMetaInformationGroupLength)
        while piece := inflater.unconsumed_tail or stream.read(PIECE):
            inflated += len(inflater.decompress(piece, PIECE))
            if inflated > LARGEST_INFLATED:
                raise InputError(f"inflates to more than {LARGEST_INFLATED >> 20} MB{advice}")


def guessed_syntax(header: pydicom.Dataset) -> UID:
    """The transfer syntax of a file that does not state it; pydicom has inferred it from the first element."""
    implicit, little_endian = header.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little_endian else ExplicitVRBigEndian


def refuse_other_size(header: pydicom.Dataset, frames: int) -> None:
    """Raise InputError if compressed frames are of another size than the header states, or may be of any size."""
    if not header.file_meta.TransferSyntaxUID.is_compressed:
        return
    rows, columns = int(header.Rows), int(header.Columns)
    for frame in generate_frames(header.PixelData, number_of_frames=frames):
        found = coded_size(frame)
        if found not in (None, (rows, columns)):
            raise InputError(f"has frames of {rows} x {columns} pixels by its header, but of {found[0]} x {found[1]}")
        if header.file_meta.TransferSyntaxUID == RLELossless and RLE_RATIO * len(frame) > LARGEST_RLE:
            raise InputError(f"has frames of {len(frame) >> 20} MB in RLE, which may be of any size when decoded")
