"""Scores against shots: a row of panels for each measure, a line with its spread for each few-shot method."""

from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from medfm.analysis.shown import MEASURE_NAMES, METHOD_NAMES, TASK_NAMES
from medfm.analysis.task_rows import GIVEN
from reprise.plots.style import BLACK, SERIES, panels, styled

MARKERS = "os^Dv<P"
HEIGHT = 2.1
APART = 0.06  # of a step between numbers of shots, so that lines with their spread do not hide each other


def measures_of(task: str) -> tuple[str, str]:
    """The two measures that the challenge has for a task."""
    return GIVEN[task], "auc"


@styled
def draw_shots(table: pd.DataFrame, points: pd.DataFrame) -> Figure:
    """Mean and standard deviation over experiments and seeds of one network, and the published points.

    Args:
        table: columns method, task, shots, measure, mean, sd (may be missing).
        points: columns task, shots, measure, value.
    """
    shots = sorted(set(table["shots"]) | set(points["shots"]))
    methods = [name for name in METHOD_NAMES if name in set(table["method"])]
    looks = dict(zip(methods, zip(cycle(SERIES + (BLACK,)), cycle(MARKERS), strict=False), strict=False))
    figure, axes = panels(2 * len(TASK_NAMES), len(TASK_NAMES), HEIGHT, sharex=True)
    places = [(task, row) for row in range(2) for task in TASK_NAMES]
    for ax, (task, row) in zip(axes, places, strict=True):
        measure = measures_of(task)[row]
        own, given = (one[(one["task"] == task) & (one["measure"] == measure)] for one in (table, points))
        for place, method in enumerate(methods):
            _draw_method(ax, own[own["method"] == method], shots, *looks[method], place - len(methods) / 2)
        ax.plot([shots.index(count) for count in given["shots"]], given["value"], "x", color=BLACK, ms=4)
        ax.set(title=TASK_NAMES[task] if not row else "", ylabel=MEASURE_NAMES[measure])
        ax.set_xticks(range(len(shots)), [str(count) for count in shots])
        if row:
            ax.set_xlabel("shots")
    handles = [
        Line2D([], [], color=colour, marker=marker, ms=3.5, lw=1, label=METHOD_NAMES[name])
        for name, (colour, marker) in looks.items()
    ]
    handles.append(Line2D([], [], color=BLACK, marker="x", ls="", ms=4, label="published"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _draw_method(ax: Axes, rows: pd.DataFrame, shots: list[int], colour: str, marker: str, place: float) -> None:
    at = np.array([shots.index(count) for count in rows["shots"]]) + APART * place
    spread = rows["sd"].fillna(0)
    ax.errorbar(at, rows["mean"], yerr=spread, color=colour, marker=marker, ms=3.5, lw=1, elinewidth=0.7)
