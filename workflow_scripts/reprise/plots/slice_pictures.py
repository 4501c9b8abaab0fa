"""Slices of a volume as small pictures for a page: a lossy image and a separate overlay, which a page can hide."""

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
DARK = 12  # of 255: pixels that are not brighter lie around the head


def chosen_slices(codes: np.ndarray, most: int) -> list[int]:
    """At most `most` equally spaced slices of a confusion map (N, H, W), from the first to the last with a code.

    If no slice has a code, the middle slice.
    """
    marked = np.flatnonzero(codes.any(axis=(1, 2)))
    first, last = (marked[0], marked[-1]) if len(marked) else (len(codes) // 2, len(codes) // 2)
    return list(range(int(first), int(last) + 1, -(-int(last - first + 1) // most)))


def head_box(grey: np.ndarray, codes: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns, with a margin, that hold all pixels (N, H, W) that are not dark or have a code."""
    inside = (grey > DARK) | (codes > 0)
    ranges = []
    for others, length in (((0, 2), inside.shape[1]), ((0, 1), inside.shape[2])):
        used = np.flatnonzero(inside.any(axis=others))
        low, high = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, length)
        ranges.append(slice(max(low - MARGIN, 0), min(high + MARGIN, length)))
    return ranges[0], ranges[1]


def write_slices(
    folder: Path, volume: np.ndarray, codes: np.ndarray, chosen: Sequence[int], spacing: tuple[float, float]
) -> pd.DataFrame:
    """Write pictures of slices at display size: NNN.webp, NNN-overlay.png, and key-1.png to key-3.png as legend.

    Args:
        folder: an existing folder.
        volume: (N, H, W), any number type.
        codes: confusion maps (N, H, W).
        chosen: the slices to write, from 0.
        spacing: height and width of a pixel in mm.

    Returns: columns slice (from 1), of, width, height (px), image, overlay (file names), and the
        columns `COUNTS`: pixels of the slice.
    """
    grey = as_grey(volume)
    rows, columns = head_box(grey[chosen], codes[chosen])
    size = display_size((rows.stop - rows.start, columns.stop - columns.start), spacing)
    images = [cv2.resize(grey[at, rows, columns], size[::-1], interpolation=cv2.INTER_CUBIC) for at in chosen]
    overlays = [encoded(".png", _bgra(paint(codes[at, rows, columns], size))) for at in chosen]
    room = MOST_BYTES - sum(map(len, overlays))
    for quality in QUALITIES:
        pictures = [encoded(".webp", image, cv2.IMWRITE_WEBP_QUALITY, quality) for image in images]
        if sum(map(len, pictures)) <= room:
            break
    for code in KINDS:
        (folder / f"key-{code}.png").write_bytes(encoded(".png", swatch(code, 4)[..., ::-1]))
    table: list[dict[str, object]] = []
    for at, picture, overlay in zip(chosen, pictures, overlays, strict=True):
        names = {"image": f"{at + 1:03}.webp", "overlay": f"{at + 1:03}-overlay.png"}
        for name, content in zip(names.values(), (picture, overlay), strict=True):
            (folder / name).write_bytes(content)
        counts = [int((codes[at] == code).sum()) for code in KINDS]
        numbers = dict(zip(COUNTS, counts, strict=True))
        table.append({"slice": at + 1, "of": len(volume), "width": size[1], "height": size[0], **names, **numbers})
    return pd.DataFrame(table)


def display_size(shape: tuple[int, int], spacing: tuple[float, float]) -> tuple[int, int]:
    """Height and width in px that keep the proportions in mm; a voxel has a whole number of px along the finer axis."""
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
