"""Training curves: loss and Dice by epoch, a row of panels for each protocol, a colour for each run."""

from itertools import cycle

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reprise.plots.style import GREY, SERIES, groups, panels, styled

MARKERS = "os^Dv<>P"  # of kept epochs, so that runs differ without colour, too
TRAINING = (0, (3, 2))


@styled
def draw_training(table: pd.DataFrame) -> Figure:
    """Loss (left) and Dice of the validation split (right) by epoch, for each value of the column `protocol`.

    Args:
        table: columns protocol, run, epoch, train_loss, val_loss, val_dice, kept (0 or 1: the epoch of the weights).
    """
    looks = dict(zip(table["run"].unique(), zip(cycle(SERIES), cycle(MARKERS), strict=False), strict=False))
    parts = groups(table, "protocol")
    figure, axes = panels(2 * len(parts), 2, 2.3)
    for (protocol, part), left, right in zip(parts, axes[::2], axes[1::2], strict=True):
        for run, rows in groups(part, "run"):
            colour, marker = looks[run]
            left.plot(rows["epoch"], rows["train_loss"], color=colour, lw=0.8, ls=TRAINING)
            _draw_column(left, rows, "val_loss", colour, marker)
            _draw_column(right, rows, "val_dice", colour, marker)
        left.set(title=f"{protocol}: loss", xlabel="epoch")
        right.set(title=f"{protocol}: Dice, validation", xlabel="epoch")
    handles = [Line2D([], [], color=look[0], marker=look[1], ms=4, label=run) for run, look in looks.items()]
    handles.append(Line2D([], [], color=GREY, lw=0.8, ls=TRAINING, label="training loss"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _draw_column(ax: Axes, rows: pd.DataFrame, column: str, colour: str, marker: str) -> None:
    """A line with the symbol of its run at the epoch that was kept."""
    kept = rows[rows["kept"] == 1]
    ax.plot(rows["epoch"], rows[column], color=colour, lw=1.0, marker="." if len(rows) == 1 else "")
    ax.plot(kept["epoch"], kept[column], marker, color=colour, ms=4, ls="")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5))
