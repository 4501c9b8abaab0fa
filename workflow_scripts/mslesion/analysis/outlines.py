"""Pictures of a volume's slices with the outlines of a mask; the outlines hide no pixel of the mask."""

from typing import NamedTuple

import cv2
import numpy as np
from matplotlib.colors import to_rgb

from reprise.plots.confusion_map import as_grey
from reprise.plots.slice_pictures import display_size, encoded, head_box
from reprise.plots.style import VERMILLION

RING_PX = 2


class Outlined(NamedTuple):
    """A slice (from 1), its picture as PNG, the picture's height and width, and the number of the mask's pixels."""

    place: int
    png: bytes
    size: tuple[int, int]
    pixels: int


def outlined_slices(volume: np.ndarray, mask: np.ndarray, most: int, spacing: tuple[float, float]) -> list[Outlined]:
    """Slices of a volume (N, H, W) with the outlines of a mask (N, H, W) bool, from the first with any to the last.

    The slices with pixels of the mask are divided into at most `most` equal runs, and the fullest slice of each run is
    shown; if the mask is empty, the middle slice. `spacing` is the height and width of a pixel in mm.
    """
    areas = mask.sum(axis=(1, 2))
    filled = np.flatnonzero(areas)
    runs = np.array_split(filled, min(most, len(filled))) if len(filled) else [np.array([len(volume) // 2])]
    shown = [int(run[areas[run].argmax()]) for run in runs]
    grey = as_grey(volume)
    rows, columns = head_box(grey[shown], mask[shown].astype(np.uint8))
    size = display_size((rows.stop - rows.start, columns.stop - columns.start), spacing)
    pictures = [outline(grey[at, rows, columns], mask[at, rows, columns], size) for at in shown]
    return [
        Outlined(at + 1, encoded(".png", picture[..., ::-1], cv2.IMWRITE_PNG_COMPRESSION, 9), size, int(areas[at]))
        for at, picture in zip(shown, pictures, strict=True)
    ]


def outline(grey: np.ndarray, mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image (H, W) uint8 enlarged to (*size, 3), RGB, with a ring around each area of a mask (H, W) bool.

    Ring and border are darker than the area, so that a reader needs no colour to see them. They cover no pixel of it.
    """
    large = cv2.resize(grey, size[::-1], interpolation=cv2.INTER_CUBIC)
    picture = np.repeat(large[..., None], 3, axis=-1)
    area = cv2.resize(mask.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST)
    ring, border = (cv2.dilate(area, np.ones((3, 3), np.uint8), iterations=n) > 0 for n in (RING_PX, RING_PX + 1))
    picture[border & (area == 0)] = 0
    picture[ring & (area == 0)] = np.rint(255 * np.array(to_rgb(VERMILLION))).astype(np.uint8)
    return picture
