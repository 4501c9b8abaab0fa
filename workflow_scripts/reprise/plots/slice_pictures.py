"""Slices of a volume as small pictures for a page: a lossy image, and its overlay apart, so that it can be hidden."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from reprise.plots.confusion_map import COUNTS, KINDS, as_grey, paint, swatch

DISPLAY_PX = 360  # about, of a slice's longer side
MARGIN = 2  # px around the head
MOST_BYTES = 300_000  # of all pictures together
QUALITIES = (75, 60, 45, 30, 20)  # of WebP, until the pictures fit
DARK = 12  # of 255: what is not brighter is around the head


def chosen_slices(codes: np.ndarray, most: int) -> list[int]:
    """At most `most` slices of a confusion map (N, H, W), so many apart, from the first that has something to say on.

    Of a map without anything, the middle slice.
    """
    told = np.flatnonzero(codes.any(axis=(1, 2)))
    first, last = (told[0], told[-1]) if len(told) else (len(codes) // 2, len(codes) // 2)
    return list(range(int(first), int(last) + 1, -(-int(last - first + 1) // most)))


def head_box(grey: np.ndarray, codes: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns that hold, in all slices (N, H, W), what is not dark and what has a code; with a margin."""
    inside = (grey > DARK) | (codes > 0)
    ranges = []
    for others, length in (((0, 2), inside.shape[1]), ((0, 1), inside.shape[2])):
        used = np.flatnonzero(inside.any(axis=others))
        low, high = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, length)
        ranges.append(slice(max(low - MARGIN, 0), min(high + MARGIN, length)))
    return ranges[0], ranges[1]


def write_slices(
    folder: Path, volume: np.ndarray, codes: np.ndarray, places: Sequence[int], spacing: tuple[float, float]
) -> pd.DataFrame:
    """Write pictures of slices at display size: NNN.webp, NNN-overlay.png, and key-1.png to key-3.png as legend.

    Args:
        folder: an existing folder.
        volume: (N, H, W), any number type.
        codes: confusion maps (N, H, W).
        places: which slices.
        spacing: height and width of a pixel in mm.

    Returns: columns slice (from 1), of, width, height (px), image, overlay (file names), and as `COUNTS` says the
        pixels of the volume's slice.
    """
    grey = as_grey(volume)
    rows, columns = head_box(grey[places], codes[places])
    size = display_size((rows.stop - rows.start, columns.stop - columns.start), spacing)
    images = [cv2.resize(grey[place, rows, columns], size[::-1], interpolation=cv2.INTER_CUBIC) for place in places]
    overlays = [encoded(".png", _bgra(paint(codes[place, rows, columns], size))) for place in places]
    room = MOST_BYTES - sum(map(len, overlays))
    for quality in QUALITIES:
        pictures = [encoded(".webp", image, cv2.IMWRITE_WEBP_QUALITY, quality) for image in images]
        if sum(map(len, pictures)) <= room:
            break
    for code in KINDS:
        (folder / f"key-{code}.png").write_bytes(encoded(".png", swatch(code, 4)[..., ::-1]))
    table: list[dict[str, object]] = []
    for place, picture, overlay in zip(places, pictures, overlays, strict=True):
        names = {"image": f"{place + 1:03}.webp", "overlay": f"{place + 1:03}-overlay.png"}
        for name, content in zip(names.values(), (picture, overlay), strict=True):
            (folder / name).write_bytes(content)
        counts = [int((codes[place] == code).sum()) for code in KINDS]
        numbers = dict(zip(COUNTS, counts, strict=True))
        table.append({"slice": place + 1, "of": len(volume), "width": size[1], "height": size[0], **names, **numbers})
    return pd.DataFrame(table)


def display_size(shape: tuple[int, int], spacing: tuple[float, float]) -> tuple[int, int]:
    """Height and width in px: square on the screen what is square in mm, whole px a voxel along the finer axis."""
    finest = min(spacing)
    extent = [length * step / finest for length, step in zip(shape, spacing, strict=True)]
    scale = max(1, round(DISPLAY_PX / max(extent)))
    return round(extent[0] * scale), round(extent[1] * scale)


def _bgra(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA)


def encoded(ending: str, picture: np.ndarray, *options: int) -> bytes:
    """A picture, grey or with channels in OpenCV's order, as the content of a file with this ending."""
    done, content = cv2.imencode(ending, picture, options or (cv2.IMWRITE_PNG_COMPRESSION, 9))
    assert done, f"OpenCV cannot write {ending}"
    return content.tobytes()
