"""The size of a compressed picture by its own header, before anything is decoded."""

import struct

SOF = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # markers of JPEG and JPEG-LS before the size of a picture
JPEG_2000 = b"\xff\x4f\xff\x51"  # how a codestream begins


def coded_size(stream: bytes) -> tuple[int, int] | None:
    """Height and width of a picture in JPEG, JPEG-LS or JPEG 2000, None if there is none."""
    at = stream.find(JPEG_2000, 0, 4096)
    if at >= 0 and len(stream) >= at + 24:
        right, bottom, left, top = struct.unpack_from(">4I", stream, at + 8)
        return bottom - top, right - left
    return jpeg_size(stream, 0)


def jpeg_size(data: bytes, at: int) -> tuple[int, int] | None:
    """Height and width of the JPEG picture that begins at a byte, None if there is none."""
    if data[at : at + 2] != b"\xff\xd8":
        return None
    at += 2
    while data[at : at + 1] == b"\xff" and len(data) >= at + 9:
        if data[at + 1] in SOF:
            height, width = struct.unpack_from(">2H", data, at + 5)
            return height, width
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
