"""Curves over epochs: one row of panels for each protocol, one panel for each task, with the published points."""

from itertools import cycle

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from medfm.analysis.shown import MEASURE_NAMES, PROTOCOL_NAMES, TASK_NAMES
from medfm.analysis.task_rows import GIVEN
from reprise.plots.style import BLACK, SERIES, groups, panels, styled

MARKERS = "os^Dv<>P"
PUBLISHED = "published"
HEIGHT = 1.6


@styled
def draw_epochs(table: pd.DataFrame) -> Figure:
    """The measure of each task by epoch.

    Args:
        table: columns protocol, task, run, epoch, value, kept (1 at the epoch of the weights that are scored); the
            published points have the run `published`.
    """
    runs = [run for run in dict.fromkeys(table["run"]) if run != PUBLISHED]
    looks = dict(zip(runs, zip(cycle(SERIES), cycle(MARKERS), strict=False), strict=False))
    protocols = [name for name in PROTOCOL_NAMES if name in set(table["protocol"])]
    figure, axes = panels(len(protocols) * len(TASK_NAMES), len(TASK_NAMES), HEIGHT)
    places = ((protocol, task) for protocol in protocols for task in TASK_NAMES)
    for ax, (protocol, task) in zip(axes, places, strict=True):
        own = table[(table["protocol"] == protocol) & (table["task"] == task)]
        _draw_panel(ax, own, looks)
        ax.set(title=f"{PROTOCOL_NAMES[protocol]}: {task}", ylabel=MEASURE_NAMES[GIVEN[task]])
    for ax in axes[-len(TASK_NAMES) :]:
        ax.set_xlabel("epoch")
    handles = [Line2D([], [], color=look[0], marker=look[1], ms=4, label=run) for run, look in looks.items()]
    handles.append(Line2D([], [], color=BLACK, marker="x", ls="", ms=4, label=PUBLISHED))
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _draw_panel(ax: Axes, table: pd.DataFrame, looks: dict[str, tuple[str, str]]) -> None:
    for run, rows in groups(table, "run"):
        if run == PUBLISHED:
            ax.plot(rows["epoch"], rows["value"], "x", color=BLACK, ms=4)
            continue
        colour, marker = looks[run]
        kept = rows[rows["kept"] == 1]
        ax.plot(rows["epoch"], rows["value"], color=colour, lw=1.0, marker="." if len(rows) == 1 else "")
        ax.plot(kept["epoch"], kept["value"], marker, color=colour, ms=4)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4))
