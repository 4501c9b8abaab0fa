"""The look of all figures, and how they are saved: equal data gives equal bytes, with the numbers in a CSV beside."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from reprise.step.files import outputs

P = ParamSpec("P")
R = TypeVar("R")

# Okabe and Ito's palette, distinct in every common form of colour blindness.
BLACK, GREY, LIGHT_GREY = "#000000", "#6E6E6E", "#D4D4D4"
BLUE, SKY, GREEN, ORANGE, VERMILLION, PURPLE = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7"
YELLOW = "#F0E442"
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
PROTOCOLS = {"published": ORANGE, "sound": BLUE}

# Text inside a panel lies above the grid and below the data, so that it hides no data.
UNDER_DATA: dict[str, Any] = {
    "zorder": 0.9,
    "bbox": {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0},
}

# Inches: at this width text of 9 points stays legible on a phone and fills a column of a page.
WIDTH = 5.4
MOST_ROWS, LOWER = 4, 0.72  # more rows than these are lower by this factor, so that many networks fit
LABELS_HEIGHT = 0.46  # of ticks and label below a panel

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine has it
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "figure.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.title_fontsize": 8,
    "legend.framealpha": 0.8,
    "legend.edgecolor": "none",
    "legend.fancybox": False,
    "legend.handlelength": 1.8,
    "lines.linewidth": 1.4,
    "lines.solid_capstyle": "butt",
    "savefig.facecolor": "white",
    "text.parse_math": False,  # a name such as $_{$ is no formula
    "svg.fonttype": "path",  # glyphs as paths: the same picture wherever it is opened
    "svg.hashsalt": "reprise",
}


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Decorate a drawing function, so that the house style holds inside it and nowhere else."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context():
            mpl.rcdefaults()  # a matplotlibrc of the user changes nothing
            mpl.rcParams.update(RC)  # type: ignore[arg-type]
            return draw(*args, **kwargs)

    return drawn


def panels(count: int, columns: int, height: float, **shared: Any) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels in at most `columns` columns, each row `height` inches high; call it inside `styled`.

    If there are more than `MOST_ROWS` rows, each is lower. Keywords such as `sharex` go to `Figure.subplots`.
    """
    used = min(columns, count)
    rows = -(-count // used)
    height *= 1 if rows <= MOST_ROWS else LOWER
    figure = Figure(figsize=(WIDTH * used / columns, height * rows), layout="constrained")
    axes = list(figure.subplots(rows, used, squeeze=False, **shared).flat)
    for unused in axes[count:]:
        unused.remove()
    for lowest in axes[max(count - used, 0) : count]:
        lowest.tick_params(labelbottom=True)  # also above a panel that was left over
    return figure, axes[:count]


def groups(table: pd.DataFrame, by: str) -> list[tuple[str, pd.DataFrame]]:
    """Rows of `table` for each value of the column `by`, in order of first appearance."""
    return [(str(value), table[table[by] == value]) for value in table[by].unique()]


def note(axes: Axes, text: str, x: float = 0.97, y: float = 0.03) -> None:
    """Write a few short lines into a panel; `x` and `y` are fractions of it, the text grows towards the middle."""
    axes.text(
        x,
        y,
        text,
        transform=axes.transAxes,
        fontsize=8,
        ha="right" if x > 0.5 else "left",
        va="top" if y > 0.5 else "bottom",
        **UNDER_DATA,
    )


def legend_below(axes: Axes, title: str | None = None) -> None:
    """Draw a panel's legend below it, so that it hides no data."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    below = axes.transAxes + ScaledTranslation(0, -LABELS_HEIGHT, figure.dpi_scale_trans)
    corner: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0, 0), "bbox_transform": below}
    axes.legend(**corner, borderpad=0, borderaxespad=0, alignment="left", title=title)


def missing(values: np.ndarray) -> str:
    """A line with the number of values of a panel that could not be drawn, or nothing if there are none."""
    lost = int((~np.isfinite(values)).sum())
    return f"\n{lost:,} not drawn (no value)" if lost else ""


class Drawn(NamedTuple):
    """A figure, the numbers drawn in it, and the files of both."""

    figure: Figure
    svg: str | Path
    table: pd.DataFrame
    csv: str | Path


def save_figure(figure: Figure, svg: str | Path, table: pd.DataFrame, csv: str | Path) -> None:
    """Write a figure as SVG and the numbers drawn in it as CSV, both or neither, see `save_figures`."""
    save_figures(Drawn(figure, svg, table, csv))


@styled
def save_figures(*drawn: Drawn) -> None:
    """Write figures as SVG and their numbers as CSV, all or none.

    Equal figures give equal bytes: no date, no version, identifiers from a fixed salt.

    Raises:
        InputError: the disk is full, or the folder cannot be written.
    """
    with outputs(*(file for one in drawn for file in (one.svg, one.csv))) as partials:
        for one, svg, csv in zip(drawn, partials[::2], partials[1::2], strict=True):
            one.figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
            one.table.to_csv(csv, index=False)
