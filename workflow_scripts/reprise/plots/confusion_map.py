"""Overlays of true positive, false positive and false negative pixels, which differ in colour and in pattern."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reprise.plots.style import SKY, VERMILLION, WIDTH, YELLOW, styled


class Kind(NamedTuple):
    """One kind of pixel: its colour, its name, and how the inside of its areas is drawn; borders are solid."""

    colour: str
    label: str
    inside: str  # "tint", "hatch" or "" (nothing)


class Example(NamedTuple):
    """An image (H, W) uint8, its confusion map (H, W), a short title, and a pixel's height over its width."""

    image: np.ndarray
    codes: np.ndarray
    title: str
    aspect: float


# By code in a confusion map; 0 is neither found nor true.
KINDS = {
    1: Kind(SKY, "true positive: filled", "tint"),
    2: Kind(VERMILLION, "false positive: hatched", "hatch"),
    3: Kind(YELLOW, "false negative: outlined", ""),
}
COUNTS = ("true_positives", "false_positives", "false_negatives")  # columns of tables, in the order of `KINDS`
TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE = KINDS
OPAQUE, TINT = 255, 120
HATCH = 6  # from one stripe to the next, in widths of a border
DARKEST, BRIGHTEST = 0.5, 99.8  # percentiles of an image's values other than 0 that become black and white
LONGEST_PX, EDGE_PX = 360, 2  # of an overlay in a figure: about its longer side, and the borders of its areas
SWATCH = (5, 9)  # px before it is enlarged


def confusion_map(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Codes (...) uint8 of two boolean masks: 0, or a key of `KINDS`."""
    hit, extra, missed = found & true, found & ~true, true & ~found
    return (TRUE_POSITIVE * hit + FALSE_POSITIVE * extra + FALSE_NEGATIVE * missed).astype(np.uint8)


def paint(codes: np.ndarray, size: tuple[int, int], edge_px: int = 1) -> np.ndarray:
    """An overlay (h, w, 4) uint8, RGBA, of codes (H, W) enlarged to `size`; transparent where the code is 0.

    Each area has an opaque border in the colour of its kind. Inside, it is tinted, hatched or empty.
    """
    large = cv2.resize(codes, size[::-1], interpolation=cv2.INTER_NEAREST)
    period = HATCH * edge_px
    stripes = np.add(*np.ogrid[: size[0], : size[1]]) % period < period // 2
    picture = np.zeros((*size, 4), np.uint8)
    for code, kind in KINDS.items():
        area = large == code
        inner = cv2.erode(area.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=edge_px, borderValue=0) > 0
        solid = area & ~(inner & ~stripes if kind.inside == "hatch" else inner)
        colour = np.rint(255 * np.array(to_rgb(kind.colour))).astype(np.uint8)
        picture[solid] = (*colour, OPAQUE)
        if kind.inside == "tint":
            picture[inner] = (*colour, TINT)
    return picture


def swatch(code: int, scale: int) -> np.ndarray:
    """A picture (h, w, 3) uint8 of a kind on black, for a legend."""
    size = (SWATCH[0] * scale, SWATCH[1] * scale)
    overlay = paint(np.full(SWATCH, code, np.uint8), size, EDGE_PX)
    return (overlay[..., :3] * (overlay[..., 3:] / OPAQUE)).astype(np.uint8)


def as_grey(image: np.ndarray) -> np.ndarray:
    """An image or volume as uint8: percentiles of its values other than 0 become black and white; 0 stays black."""
    inside = image[image != 0]
    low, high = np.percentile(inside, (DARKEST, BRIGHTEST)) if len(inside) else (0.0, 1.0)
    scaled = (image.astype(np.float32) - low) / max(high - low, 1e-6)
    return np.where(image != 0, np.rint(255 * scaled.clip(0, 1)), 0).astype(np.uint8)


@styled
def draw_confusion(examples: Sequence[Example]) -> Figure:
    """Images with their overlays, one panel per example, and the meaning of the marks below."""
    columns = max(2, math.ceil(math.sqrt(len(examples))))
    rows = -(-len(examples) // columns)
    tallest = max(example.aspect * example.codes.shape[0] / example.codes.shape[1] for example in examples)
    figure = Figure(figsize=(WIDTH, rows * (tallest * (WIDTH - 0.4) / columns + 0.5) + 0.3), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for unused in axes[len(examples) :]:
        unused.remove()
    for ax, example in zip(axes, examples, strict=False):
        height, width = example.codes.shape
        scale = max(2, round(LONGEST_PX / max(height, width)))
        grid: dict[str, Any] = {"extent": (-0.5, width - 0.5, height - 0.5, -0.5), "interpolation": "none"}
        ax.imshow(np.repeat(example.image[..., None], 3, axis=-1), aspect=example.aspect, **grid)
        ax.imshow(paint(example.codes, (height * scale, width * scale), EDGE_PX), aspect=example.aspect, **grid)
        ax.set_title(example.title, fontsize=8, fontweight="normal")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    draw_key(figure)
    return figure


def draw_key(figure: Figure) -> None:
    """The meaning of the marks, below all panels; call it inside `styled`."""
    handles = [Patch(label=kind.label, **_patch(kind)) for kind in KINDS.values()]
    black: dict[str, Any] = {"labelcolor": "white", "facecolor": "black", "framealpha": 1}
    figure.legend(handles=handles, loc="outside lower center", ncols=3, **black)


def _patch(kind: Kind) -> dict[str, Any]:
    """The look of the legend's patch for a kind."""
    face = (*to_rgb(kind.colour), TINT / OPAQUE if kind.inside == "tint" else 0.0)
    return {"edgecolor": kind.colour, "facecolor": face, "hatch": "//////" if kind.inside == "hatch" else None}
