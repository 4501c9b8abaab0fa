"""Pictures of any kind of PNG and JPEG as 8-bit pixels, as squares of one size, and as perceptual hashes."""

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from reprise.data.coded_size import jpeg_size
from reprise.data.png import PNG
from reprise.step.command import reading
from reprise.step.errors import InputError
from reprise.step.files import refuse_irregular

MOST_PIXELS, LARGEST_BYTES = 2**26, 2**28  # of a picture; the largest published one has 2953 x 2965 pixels
LEAST_SIDE = 8
HEAD = 2**20  # bytes in which a JPEG tells its size
DEPTHS = (8, 10, 12, 14, 16)  # of detectors whose values are saved with 16 bits
DARK = 2 ** (14 - 8)  # what colours that use 14 of 16 bits stay below if they are kept with 8
SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")


class Picture(NamedTuple):
    """The pixels (H, W, 1 or 3) uint8 of a picture, and what is unusual about its file, "" if nothing is."""

    pixels: np.ndarray
    oddity: str


def read_picture(path: Path) -> Picture:
    """Read a PNG or JPEG file as one channel, if all channels agree, or as RGB.

    Raises:
        InputError: no such picture, damaged or truncated, too large, too small, animated, or not opaque; or colours of
            16 bits of which the upper two are never used.
    """
    refuse_irregular(path)
    _refuse_size(path)
    with (
        reading(path, "not a readable image (damaged or truncated)"),
        Image.open(path, formats=("PNG", "JPEG")) as image,
    ):
        if (frames := getattr(image, "n_frames", 1)) > 1:
            raise InputError(f"{path}: expected one image, found {frames}")
        oddities = [f"saved as {image.mode}"] if image.mode not in ("L", "RGB") else []
        image.load()
        turned = ImageOps.exif_transpose(image)
        if turned.size != image.size or image.getexif().get(0x0112, 1) != 1:
            oddities.append("turned as its header says")
        pixels = _eight_bits(turned, oddities)
        if image.mode not in SIXTEEN_BITS and _has_sixteen_bits(path):
            if pixels[..., :3].max() < DARK:
                raise InputError(f"{path}: 16 bits a colour, of which 14 or fewer are used; save it with 8, or in grey")
            oddities.append("16 bits a colour, kept with 8")
        if pixels.shape[2] == 4:
            if pixels[..., 3].min() < 255:
                raise InputError(f"{path}: expected an opaque image, found transparent pixels")
            pixels = pixels[..., :3]
    grey = pixels.shape[2] == 3 and np.array_equal(pixels[..., 0], pixels[..., 1])
    if grey and np.array_equal(pixels[..., 0], pixels[..., 2]):
        pixels = pixels[..., :1]
    return Picture(np.ascontiguousarray(pixels), "; ".join(oddities))


def squared(pixels: np.ndarray, side: int, channels: int) -> np.ndarray:
    """A picture (H, W, 1 or 3) as a square (side, side, channels) uint8: area averages, or bilinear if it is enlarged.

    One channel becomes three equal ones; three become one by their luminance (ITU-R 601).
    """
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image = image.convert("L" if channels == 1 else "RGB")
    enlarged = min(image.size) < side
    image = image.resize((side, side), Image.Resampling.BILINEAR if enlarged else Image.Resampling.BOX)
    return np.asarray(image).reshape(side, side, channels)


def perceptual_hash(pixels: np.ndarray) -> str:
    """The perceptual hash of a picture (H, W, 1 or 3) as 16 hexadecimal digits, see `imagehash.phash`."""
    from imagehash import phash

    return str(phash(Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)))


def _eight_bits(image: Image.Image, oddities: list[str]) -> np.ndarray:
    """The pixels (H, W, 1, 3 or 4) uint8 of an image of any mode."""
    if image.mode in SIXTEEN_BITS:
        return _of_depth(np.asarray(image).astype(np.int64), oddities)[..., None]
    if image.mode == "F":
        raise ValueError("no picture is saved so")
    if image.mode in ("LA", "La", "PA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode in ("1", "L"):
        image = image.convert("L")
    elif image.mode != "RGBA":
        image = image.convert("RGB")
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _of_depth(values: np.ndarray, oddities: list[str]) -> np.ndarray:
    """Values (H, W) saved with 16 bits as uint8: the depth of the detector, by its largest value, becomes 8 bits.

    Many radiographs have 10, 12 or 14 bits in files of 16; as parts of 65535 they would be nearly black.
    """
    largest = int(values.max())
    depth = next(depth for depth in DEPTHS if largest < 2**depth)
    oddities.append(f"16 bits, values up to {largest}; taken as {depth} bits, and kept with 8")
    most = 2**depth - 1
    return ((values * 255 + most // 2) // most).astype(np.uint8)


def _has_sixteen_bits(path: Path) -> bool:
    """Whether a picture is a PNG file of 16 bits a channel; Pillow keeps only the upper half of those of colours."""
    with path.open("rb") as stream:
        start = stream.read(25)
    return start[:8] == PNG and start[24] == 16


def _refuse_size(path: Path) -> None:
    """Raise InputError for a picture that is none, or too large or too small, by its header alone."""
    with reading(path, "not readable"), path.open("rb") as stream:
        start = stream.read(HEAD)
    if start[:8] == PNG and len(start) >= 24:
        width, height = struct.unpack_from(">2I", start, 16)
    elif size := jpeg_size(start, 0):
        height, width = size
    else:
        raise InputError(f"{path}: expected a PNG or JPEG image")
    if height * width > MOST_PIXELS or path.stat().st_size > LARGEST_BYTES:
        raise InputError(f"{path}: expected at most {MOST_PIXELS / 1e6:.0f} million pixels, found {width} x {height}")
    if min(height, width) < LEAST_SIDE:
        raise InputError(f"{path}: expected {LEAST_SIDE} x {LEAST_SIDE} pixels or more, found {width} x {height}")
