"""Pictures of a user's own brains: axial slices of T1, each beside the tissues found."""

from typing import NamedTuple

import cv2
import numpy as np

from iseg.analysis.slice_figures import painted
from reprise.plots.confusion_map import as_grey
from reprise.plots.slice_pictures import display_size, encoded


class Picture(NamedTuple):
    """An axial slice: its number from the bottom, from 1 on, the content of a PNG file, and its height and width."""

    number: int
    png: bytes
    size: tuple[int, int]


def tissue_pictures(
    t1: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, float, float], most: int
) -> list[Picture]:
    """At most `most` axial slices, evenly spaced over the brain, with its front at the top and its right on the left.

    Args:
        t1: canonical (X, Y, Z).
        labels: the tissues found (X, Y, Z) uint8, 0 to 3.
        spacing_mm: along the axes.
        most: how many.
    """
    brain = np.flatnonzero((t1 != 0).any(axis=(0, 1)))
    grey = as_grey(t1)
    chosen = np.unique(np.linspace(brain[0], brain[-1], most + 2).round().astype(int)[1:-1])
    views = [each[::-1, ::-1].transpose(2, 1, 0) for each in (grey, labels)]
    return [_picture(int(at) + 1, views[0][at], views[1][at], spacing_mm) for at in chosen]


def _picture(number: int, grey: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, float, float]) -> Picture:
    """A slice (H, W) of T1 and its labels, side by side."""
    size = display_size(grey.shape, (spacing_mm[1], spacing_mm[0]))  # type: ignore[arg-type]
    image = cv2.resize(np.ascontiguousarray(grey), size[::-1], interpolation=cv2.INTER_CUBIC)
    tissues = cv2.resize(np.ascontiguousarray(labels), size[::-1], interpolation=cv2.INTER_NEAREST)
    both = np.hstack([np.repeat(image[..., None], 3, axis=-1), painted(tissues)[..., ::-1]])
    return Picture(number, encoded(".png", both), both.shape[:2])
