"""Reliability diagrams: how often the most likely class is right, by the probability that it got."""

from itertools import cycle

import pandas as pd
from matplotlib.figure import Figure

from acdc.analysis.shown import method_name
from reprise.plots.style import GREY, SERIES, groups, panels, styled

TITLES = {0: "as predicted", 1: "after temperature scaling"}
MARKERS = "os^Dv<>P"


@styled
def draw_reliability(table: pd.DataFrame) -> Figure:
    """Accuracy against confidence, before and after temperature scaling; each method has its line.

    Args:
        table: columns method, scaled (0 or 1), bin, confidence, accuracy, share (of all pixels, in this bin).
    """
    figure, axes = panels(2, 2, 2.9, sharex=True, sharey=True)
    for ax, (scaled, title) in zip(axes, TITLES.items(), strict=True):
        ax.plot([0, 1], [0, 1], color=GREY, lw=0.9)
        parts = groups(table[table["scaled"] == scaled].dropna(subset=["confidence", "accuracy"]), "method")
        for (name, part), colour, marker in zip(parts, cycle(SERIES), cycle(MARKERS), strict=False):
            ax.plot(
                part["confidence"], part["accuracy"], color=colour, marker=marker, ms=3, lw=0.9, label=method_name(name)
            )
        ax.set(title=title, xlabel="confidence", xlim=(0.2, 1), ylim=(0, 1.02))
    axes[0].set_ylabel("share that is right")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
