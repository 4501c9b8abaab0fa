"""Training curves of a cross-validation: all folds in each panel, and the epochs whose weights were kept."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reprise.plots.style import GREY, SERIES, groups, panels, styled

MARKERS = "os^Dv<>P"  # of kept epochs, so that folds differ without colour, too
TRAINING = (0, (3, 2))


@styled
def draw_folds(
    table: pd.DataFrame, measures: Mapping[str, str], training: Mapping[str, str], columns: int = 3
) -> Figure:
    """Measures by epoch; each fold has its line, each value of the column `run` its rows.

    Args:
        table: columns run, fold, epoch, kept (0 or 1: the epoch whose weights were kept), and those drawn.
        measures: the column and label of each panel.
        training: for the columns of some panels, that of the training on the same scale, which is dashed.
        columns: panels per row.
    """
    parts = groups(table, "run")
    places = -(-len(measures) // columns) * columns
    figure, axes = panels(places * len(parts), columns, 1.55)
    folds = sorted(table["fold"].unique())
    for index, (name, part) in enumerate(parts):
        own = axes[places * index : places * (index + 1)]
        for ax, (column, label) in zip(own, measures.items(), strict=False):
            _draw_column(ax, part, folds, column, training.get(column))
            ax.set_title(label, fontweight="normal", fontsize=8)
        for unused in own[len(measures) :]:
            unused.remove()
        own[0].set_ylabel(name.replace(" (", "\n("), fontweight="bold", loc="top")
        for ax in own[-columns:]:
            ax.set_xlabel("epoch")
    figure.legend(handles=_handles(folds), loc="outside lower center", ncols=4)
    return figure


def _draw_column(ax: Axes, part: pd.DataFrame, folds: list[int], column: str, training: str | None) -> None:
    """A line for each fold, with its marker at the epoch that was kept; dashed, that of the training."""
    for number, fold in enumerate(folds):
        rows = part[part["fold"] == fold]
        kept = rows[rows["kept"] == 1]
        colour, marker = _colour(number), MARKERS[number % len(MARKERS)]
        if training:
            ax.plot(rows["epoch"], rows[training], color=colour, lw=0.8, ls=TRAINING)
        ax.plot(rows["epoch"], rows[column], color=colour, lw=1.0, marker="." if len(rows) == 1 else "")
        ax.plot(kept["epoch"], kept[column], marker, color=colour, ms=4, ls="")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4))


def _colour(number: int) -> str:
    return SERIES[number % len(SERIES)]


def _handles(folds: list[int]) -> list[Line2D]:
    """The legend's entries: each fold with its marker, and the dashed line of the training."""
    handles = [
        Line2D([], [], color=_colour(number), marker=MARKERS[number % len(MARKERS)], ms=4, label=f"fold {fold}")
        for number, fold in enumerate(folds)
    ]
    return [*handles, Line2D([], [], color=GREY, lw=0.8, ls=TRAINING, label="training")]
