"""Reliability diagrams: how often what had a probability came true, against that probability."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from reprise.plots.style import GREY, SERIES, groups, panels, styled

MARKERS = "os^Dv<>P"


@styled
def draw_reliability(
    parts: Mapping[str, pd.DataFrame], by: str, height: float, ylabel: str, **axes_options: Any
) -> Figure:
    """Accuracy against confidence, in a panel for each part, with a line for each value of the column `by`.

    Args:
        parts: by the title of its panel a table: confidence, accuracy, and the column `by`.
        by: what a line is.
        height: of the panels, in inches.
        ylabel: the label of the accuracy.
        axes_options: of each panel, such as xlabel and xlim.
    """
    figure, axes = panels(len(parts), len(parts), height, sharex=True, sharey=True)
    for ax, (title, table) in zip(axes, parts.items(), strict=True):
        ax.plot([0, 1], [0, 1], color=GREY, lw=0.9)
        lines = groups(table.dropna(subset=["confidence", "accuracy"]), by)
        for (name, part), colour, marker in zip(lines, cycle(SERIES), cycle(MARKERS), strict=False):
            ax.plot(part["confidence"], part["accuracy"], color=colour, marker=marker, ms=3, lw=0.9, label=name)
        ax.set(title=title, **axes_options)
    axes[0].set_ylabel(ylabel)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
