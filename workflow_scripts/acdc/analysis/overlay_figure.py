"""Slices of a heart with true positive, false positive and false negative pixels of each structure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reprise.plots.confusion_map import EDGE_PX, LONGEST_PX, confusion_map, draw_key, paint
from reprise.plots.style import WIDTH, styled

PLACES = ("base", "middle", "apex")
MARGIN = 0.35  # around the heart, of its longer side


class Row(NamedTuple):
    """Three slices (3, H, W) uint8 of a case, from base to apex, their confusion maps, a label, a pixel's shape.

    The confusion maps (S, 3, H, W) uint8 are those of each structure; `aspect` is a pixel's height over its width.
    """

    images: np.ndarray
    codes: np.ndarray
    label: str
    aspect: float


def chosen_slices(truth: np.ndarray) -> list[int]:
    """The middle slices of the basal, the middle and the apical third of the labelled slices (N, H, W), in this order.

    The base is the end with the larger heart. Without any label, all slices count.
    """
    areas = (truth > 0).sum(axis=(1, 2))
    used = np.flatnonzero(areas) if areas.any() else np.arange(len(truth))
    half = len(used) // 2
    ordered = used if areas[used[:half]].sum() >= areas[used[len(used) - half :]].sum() else used[::-1]
    return [int(ordered[int(len(ordered) * share)]) for share in (1 / 6, 1 / 2, 5 / 6)]


def structure_codes(found: np.ndarray, truth: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """The confusion map (S, ...) of each structure in label maps (...) of equal shape."""
    return np.stack([confusion_map(found == label, truth == label) for label in labels])


def heart_box(codes: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns, a square with a margin, that hold every pixel with a code (..., H, W); all if there is none."""
    marked = np.logical_or.reduce(codes.reshape(-1, *codes.shape[-2:]) > 0)
    if not marked.any():
        return slice(0, marked.shape[0]), slice(0, marked.shape[1])
    ends = [np.flatnonzero(used)[[0, -1]] for used in (marked.any(axis=1), marked.any(axis=0))]
    half = max(high - low + 1 for low, high in ends) * (1 + MARGIN) / 2
    middles = [(low + high) / 2 for low, high in ends]
    rows, columns = (
        slice(max(round(middle - half), 0), min(round(middle + half) + 1, length))
        for middle, length in zip(middles, marked.shape, strict=True)
    )
    return rows, columns


@styled
def draw_overlays(rows: Sequence[Row]) -> Figure:
    """A line of three slices for each row, and the meaning of the marks below. Each structure has its own border."""
    tallest = max(row.aspect * row.images.shape[1] / row.images.shape[2] for row in rows)
    height = len(rows) * (tallest * (WIDTH - 0.5) / len(PLACES) + 0.08) + 0.5
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(len(rows), len(PLACES), squeeze=False)
    for line, row in zip(axes, rows, strict=True):
        for place, ax in enumerate(line):
            _draw_slice(ax, row.images[place], row.codes[:, place], row.aspect)
        line[0].set_ylabel(row.label, fontsize=8)
    for ax, name in zip(axes[0], PLACES, strict=True):
        ax.set_title(name, fontsize=8, fontweight="normal")
    draw_key(figure)
    return figure


def _draw_slice(ax: Axes, image: np.ndarray, codes: np.ndarray, aspect: float) -> None:
    """A slice (H, W) and, over it, the marks of each structure (S, H, W)."""
    height, width = image.shape
    scale = max(2, round(LONGEST_PX / max(height, width)))
    grid: dict[str, Any] = {"extent": (-0.5, width - 0.5, height - 0.5, -0.5), "interpolation": "none"}
    ax.imshow(np.repeat(image[..., None], 3, axis=-1), aspect=aspect, **grid)
    for own in codes:
        ax.imshow(paint(own, (height * scale, width * scale), EDGE_PX), aspect=aspect, **grid)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
