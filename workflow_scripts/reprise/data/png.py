"""The size of a PNG file by its header, before anything is decoded."""

import struct
from pathlib import Path

from reprise.step.errors import InputError
from reprise.step.files import refuse_irregular

PNG = b"\x89PNG\r\n\x1a\n"
LONGEST_SIDE, LARGEST_FILE = 4096, 2**27  # of a slice, in pixels and bytes


def png_size(path: Path) -> tuple[int, int]:
    """Width and height by the header of a PNG file, before anything is decoded.

    Raises:
        InputError: no regular file, no PNG, or larger than any slice.
    """
    refuse_irregular(path)
    try:
        with path.open("rb") as stream:
            start = stream.read(24)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    if start[:8] != PNG or len(start) < 24:
        raise InputError(f"{path}: no readable image")
    width, height = struct.unpack_from(">2I", start, 16)
    if max(width, height) > LONGEST_SIDE or path.stat().st_size > LARGEST_FILE:
        raise InputError(f"{path}: expected a slice of at most {LONGEST_SIDE} pixels a side, found {width} x {height}")
    return width, height
