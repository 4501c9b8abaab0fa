"""Slices of a brain in three planes with the labels found and true, and maps of a network's last layer."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from iseg.analysis.protocols import CLASSES, TISSUES
from iseg.analysis.shown import CLASS_NAMES, COLOURS
from reprise.plots.confusion_map import as_grey
from reprise.plots.slice_pictures import head_box
from reprise.plots.style import WIDTH, styled

PLANES = ("axial", "coronal", "sagittal")  # across the third, the second and the first axis
LONGEST_PX = 160  # of a slice in a figure: larger ones are thinned out
GREYS, HUES = 16, 16  # steps of brightness and of a map's colours, so that a figure stays small
MAP_COLOURS = "PuOr_r"


class Slice(NamedTuple):
    """T1 (H, W) uint8, the labels found and true (H, W), a pixel's height over its width, and its plane and number."""

    t1: np.ndarray
    found: np.ndarray
    true: np.ndarray
    aspect: float
    plane: str
    number: int


def plane_of(volume: np.ndarray, plane: str, number: int) -> np.ndarray:
    """A slice (H, W) of a volume (..., X, Y, Z): the later of its two axes runs upwards, the other one to the right."""
    cut = np.take(volume, number, axis={"axial": -1, "coronal": -2, "sagittal": -3}[plane])
    return np.flip(np.swapaxes(cut, -1, -2), axis=-2)


def slice_of(
    volumes: Sequence[np.ndarray], plane: str, number: int, aspect: float
) -> tuple[Slice, tuple[slice, slice]]:
    """A slice of T1 as uint8 and of the labels found and true (X, Y, Z), cut to the head; and where it was cut."""
    t1, found, true = (plane_of(volume, plane, number) for volume in volumes)
    box = head_box(t1[None], (found | true)[None])
    return Slice(thinned(t1[box]), thinned(found[box]), thinned(true[box]), aspect, plane, number), box


def three_planes(t1: np.ndarray, found: np.ndarray, true: np.ndarray, spacing_mm: Sequence[float]) -> list[Slice]:
    """In each plane the slice with most true grey and white matter, cut to the head, of volumes (X, Y, Z)."""
    volumes, slices = (as_grey(t1), found, true), []
    for plane, axis in zip(PLANES, (2, 1, 0), strict=True):
        number = int((true > TISSUES["csf"]).sum(axis=tuple({0, 1, 2} - {axis})).argmax())
        across, up = (spacing_mm[other] for other in range(3) if other != axis)
        slices.append(slice_of(volumes, plane, number, up / across)[0])
    return slices


def thinned(picture: np.ndarray) -> np.ndarray:
    """A picture (..., H, W) with every n-th row and column, so that no side is too long."""
    every = -(-max(picture.shape[-2:]) // LONGEST_PX)
    return picture[..., ::every, ::every]


def truth_is_first(subject: str) -> bool:
    """Whether a subject's truth is picture A. It looks random, and is the same in each run."""
    return hashlib.sha256(subject.encode()).digest()[0] % 2 == 0


def painted(labels: np.ndarray) -> np.ndarray:
    """Labels (H, W) as a picture (H, W, 3) uint8: each tissue in its colour, on black."""
    palette = np.array([(0, 0, 0), *(to_rgb(COLOURS[name]) for name in TISSUES)])
    return np.rint(255 * palette).astype(np.uint8)[labels]


def grey_picture(t1: np.ndarray) -> np.ndarray:
    """T1 (H, W) uint8 as a picture (H, W, 3) with fewer steps of brightness."""
    steps = np.rint(t1 / 255 * (GREYS - 1)) * (255 / (GREYS - 1))
    return np.repeat(np.rint(steps).astype(np.uint8)[..., None], 3, axis=-1)


@styled
def draw_slices(subjects: Sequence[tuple[str, Sequence[Slice]]]) -> Figure:
    """A line for each subject and plane: T1, then found and true labels without saying which is which."""
    rows = [(name, one) for name, slices in subjects for one in slices]
    heights = [max(one.aspect * one.t1.shape[0] / one.t1.shape[1], 0.6) for _, one in rows]
    figure = Figure(figsize=(WIDTH, sum(heights) * (WIDTH - 0.3) / 5 + 0.75), layout="constrained")
    axes = figure.subplots(len(rows), 3, squeeze=False, height_ratios=heights)
    for line, (name, one) in zip(axes, rows, strict=True):
        labels = (one.true, one.found) if truth_is_first(name) else (one.found, one.true)
        for ax, picture in zip(line, (grey_picture(one.t1), *map(painted, labels)), strict=True):
            draw_picture(ax, picture, one.aspect)
        line[0].set_ylabel(f"{name}\n{one.plane}", fontsize=8)
    for ax, title in zip(axes[0], ("T1", "A", "B"), strict=True):
        ax.set_title(title, loc="center")
    draw_colours(figure)
    return figure


@styled
def draw_maps(one: Slice, maps: np.ndarray) -> Figure:
    """T1 and the labels found in a slice, and the pre-activations (4, H, W) of each class, all on one scale."""
    ratio = max(one.aspect * one.t1.shape[0] / one.t1.shape[1], 0.6)
    figure = Figure(figsize=(WIDTH, 2 * ratio * (WIDTH - 0.9) / 3 + 0.9), layout="constrained")
    axes = figure.subplots(2, 3)
    draw_picture(axes[0, 0], grey_picture(one.t1), one.aspect)
    draw_picture(axes[1, 0], painted(one.found), one.aspect)
    axes[0, 0].set_title("T1", loc="center")
    axes[1, 0].set_title("found", loc="center")
    reach = float(np.ceil(np.abs(maps).max())) or 1.0
    for ax, name, values in zip(axes[:, 1:].flat, CLASSES, maps, strict=True):
        steps = np.rint((values / reach + 1) / 2 * (HUES - 1)) / (HUES - 1) * 2 * reach - reach
        drawn = draw_picture(ax, steps, one.aspect, cmap=MAP_COLOURS, vmin=-reach, vmax=reach)
        ax.set_title(CLASS_NAMES[name], loc="center")
    bar = figure.colorbar(drawn, ax=axes[:, 1:], shrink=0.8, label="pre-activation (logit)")
    bar.outline.set_visible(False)
    draw_colours(figure)
    return figure


def draw_picture(ax: Axes, picture: np.ndarray, aspect: float, **colours: Any) -> Any:
    """A picture (H, W) or (H, W, 3) without axes.

    It is not clipped: a clip's name in the SVG follows the last bits of its place, which differ from run to run.
    """
    drawn = ax.imshow(picture, aspect=aspect, interpolation="none", clip_on=False, **colours)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return drawn


def draw_colours(figure: Figure) -> None:
    """The colours of the tissues, below all panels; call it inside `styled`."""
    handles = [Patch(facecolor=COLOURS[name], label=CLASS_NAMES[name]) for name in TISSUES]
    black: dict[str, Any] = {"labelcolor": "white", "facecolor": "black", "framealpha": 1}
    figure.legend(handles=handles, loc="outside lower center", ncols=3, **black)
