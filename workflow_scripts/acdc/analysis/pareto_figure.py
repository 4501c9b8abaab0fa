"""What an ensemble gains against what it costs: Dice by the time that a patient takes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from acdc.analysis.costs import frontier
from acdc.analysis.shown import method_name
from reprise.plots.style import BLUE, GREY, ORANGE, VERMILLION, WIDTH, styled

LOOKS = {
    "alone": ("s", VERMILLION, "single network"),
    "sequence": ("o", BLUE, "ensemble, one network after another"),
    "parallel": ("^", ORANGE, "ensemble, networks in parallel"),
}
TIME, QUALITY = "patient_ms_p50", "dice"
LETTER_PT, LINE_PT = 3.8, 8  # about the width of a letter, and the height of a line


@styled
def draw_pareto(costs: pd.DataFrame) -> Figure:
    """Dice against the time of a patient; the line joins what nothing else beats in both.

    Args:
        costs: columns method, mode, patient_ms_p50 and dice.
    """
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axes = figure.subplots()
    best = frontier(costs, TIME, QUALITY)
    axes.plot(best[TIME], best[QUALITY], color=GREY, lw=0.9, drawstyle="steps-post", zorder=1)
    for mode, (marker, colour, label) in LOOKS.items():
        rows = costs[costs["mode"] == mode]
        axes.scatter(rows[TIME], rows[QUALITY], marker=marker, color=colour, s=22, label=label, zorder=2)
    axes.set(xscale="log", xlabel="time for a patient, median (ms)", ylabel="Dice, mean over test patients")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.3, y=0.12)
    figure.legend(loc="outside lower center", ncols=2)
    named = costs[costs["mode"] != "parallel"].dropna(subset=[TIME, QUALITY])
    _draw_names(axes, [method_name(name) for name in named["method"]], named[[TIME, QUALITY]].to_numpy())
    return figure


def _draw_names(axes: Axes, names: Sequence[str], points: np.ndarray) -> None:
    """A name right of each point (P, 2), higher where it would cover a name or a point, then with a thin line to it."""
    axes.get_figure().draw_without_rendering()  # type: ignore[union-attr]
    places = axes.transData.transform(points) * 72 / axes.get_figure().dpi  # type: ignore[union-attr]
    taken = [(place - (2, 3), 4.0) for place in places]  # lower left corner and width of points and names
    for at in np.lexsort(places.T):
        place, width = places[at] + (6.0, -3.0), LETTER_PT * len(names[at]) + 4
        while any(
            place[0] < other[0] + wide and other[0] < place[0] + width and abs(place[1] - other[1]) < LINE_PT
            for other, wide in taken
        ):
            place = place + (0.0, 1.0)
        taken.append((place, width))
        line = {"arrowstyle": "-", "color": GREY, "lw": 0.4, "shrinkA": 0, "shrinkB": 2, "relpos": (0, 0.5)}
        axes.annotate(
            names[at], points[at], place - places[at], textcoords="offset points", fontsize=7, arrowprops=line
        )
