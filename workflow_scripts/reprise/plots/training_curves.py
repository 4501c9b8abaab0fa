"""Training curves: measures by epoch, a block of panels for each protocol, a colour for each run."""

from collections.abc import Mapping
from itertools import cycle
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reprise.plots.style import GREY, SERIES, groups, panels, styled

MARKERS = "os^Dv<>P"  # of kept epochs, so that runs differ without colour, too
TRAINING = (0, (3, 2))


class Curve(NamedTuple):
    """The columns of a panel: of the validation, and of the training if it is drawn, too."""

    validation: str
    training: str = ""


@styled
def draw_training(
    table: pd.DataFrame, curves: Mapping[str, Curve], columns: int, height: float, ticks: int, training: str
) -> Figure:
    """Measures by epoch for each value of the column `protocol`; the training is dashed.

    Args:
        table: columns protocol, run, epoch, kept (0 or 1: the epoch of the weights), and those of the curves.
        curves: what each panel shows, by its title.
        columns: panels in a row.
        height: of a row, in inches.
        ticks: about how many intervals of an axis have numbers.
        training: what the legend calls the dashed lines.
    """
    looks = dict(zip(table["run"].unique(), zip(cycle(SERIES), cycle(MARKERS), strict=False), strict=False))
    parts = groups(table, "protocol")
    figure, axes = panels(len(curves) * len(parts), columns, height)
    for index, (protocol, part) in enumerate(parts):
        own = axes[len(curves) * index : len(curves) * (index + 1)]
        for run, rows in groups(part, "run"):
            for ax, curve in zip(own, curves.values(), strict=True):
                if curve.training:
                    ax.plot(rows["epoch"], rows[curve.training], color=looks[run][0], lw=0.8, ls=TRAINING)
                _draw_column(ax, rows, curve.validation, *looks[run])
                for axis in (ax.xaxis, ax.yaxis):
                    axis.set_major_locator(MaxNLocator(nbins=ticks, integer=axis is ax.xaxis))
        for ax, title in zip(own, curves, strict=True):
            ax.set_title(f"{protocol}: {title}")
        for ax in own[-columns:]:
            ax.set_xlabel("epoch")
    handles = [Line2D([], [], color=look[0], marker=look[1], ms=4, label=run) for run, look in looks.items()]
    handles.append(Line2D([], [], color=GREY, lw=0.8, ls=TRAINING, label=training))
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _draw_column(ax: Axes, rows: pd.DataFrame, column: str, colour: str, marker: str) -> None:
    """A line with the symbol of its run at the epoch that was kept."""
    kept = rows[rows["kept"] == 1]
    ax.plot(rows["epoch"], rows[column], color=colour, lw=1.0, marker="." if len(rows) == 1 else "")
    ax.plot(kept["epoch"], kept[column], marker, color=colour, ms=4, ls="")
