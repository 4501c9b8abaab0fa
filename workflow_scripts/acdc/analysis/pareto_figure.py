"""What an ensemble gains against what it costs: Dice by the time that a patient takes."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from acdc.analysis.costs import frontier
from reprise.plots.style import BLUE, GREY, ORANGE, VERMILLION, WIDTH, styled

LOOKS = {
    "alone": ("s", VERMILLION, "single network"),
    "sequence": ("o", BLUE, "ensemble, one network after another"),
    "parallel": ("^", ORANGE, "ensemble, networks in parallel"),
}
TIME, QUALITY = "patient_ms_p50", "dice"


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
    named = costs.dropna(subset=[TIME, QUALITY]).sort_values(QUALITY)
    named = named[named["mode"] != "parallel"]
    for number, (name, *point) in enumerate(named[["method", TIME, QUALITY]].itertuples(index=False)):
        axes.annotate(str(name), tuple(point), (5, -3 if number % 2 else 2), textcoords="offset points", fontsize=7)
    axes.set(xscale="log", xlabel="time for a patient, median (ms)", ylabel="Dice, mean over test patients")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.15)
    figure.legend(loc="outside lower center", ncols=2)
    return figure
