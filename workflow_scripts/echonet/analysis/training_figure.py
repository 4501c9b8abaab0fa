"""Training curves: loss and score by epoch, and the epoch that was kept."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from echonet.analysis.figure_data import DIASTOLE, SYSTOLE
from reprise.plots.style import BLACK, GREY, PROTOCOLS, SERIES, groups, legend_below, panels, styled

NAMED = {**PROTOCOLS, "overall": BLACK, "large": DIASTOLE, "small": SYSTOLE}
WORDS = {"large": "ED", "small": "ES"}
LOG_FROM = 8.0  # an axis is logarithmic if its values span at least this factor


@styled
def draw_training(table: pd.DataFrame, loss: str, score: str) -> Figure:
    """Loss (left) and score (right) by epoch; each value of the column `run` has its own row of panels.

    Args:
        table: columns run, epoch, train_loss, some val_loss*, and some other val_* that are scores.
        loss: label of the left axis, with its unit.
        score: label of the right axis, with its unit.

    A dot marks the epoch with the minimum of each validation loss, whose weights were kept.
    """
    columns = [str(name) for name in table]
    losses = ["train_loss", *(name for name in columns if name.startswith("val_loss"))]
    scores = [name for name in columns if name.startswith("val_") and name not in losses]
    parts = groups(table, "run")
    figure, axes = panels(2 * len(parts), 2, 2.75)
    for row, (name, part) in enumerate(parts):
        left, right = axes[2 * row : 2 * row + 2]
        _draw_columns(left, part, losses)
        _draw_columns(right, part, scores)
        _scale(left, part[losses])
        left.set(title=name, ylabel=loss)
        right.set(ylabel=score)
    return figure


def _draw_columns(ax: Axes, part: pd.DataFrame, columns: list[str]) -> None:
    """A line for each column: training in grey, validation in colour, and a dot at the best epoch of a loss."""
    spare = iter(SERIES)
    for column in columns:
        name = column.split("_", 2)[2:]
        colour = GREY if column == "train_loss" else (NAMED[name[0]] if name and name[0] in NAMED else next(spare))
        stage = {"train_loss": ["training"]}.get(column, ["validation"] if column.startswith("val_loss") else [])
        line = ax.plot(
            part["epoch"],
            part[column],
            color=colour,
            label=", ".join([*stage, *(WORDS.get(word, word) for word in name)]),
        )
        if len(part) == 1:
            line[0].set_marker(".")
        if column.startswith("val_loss") and part[column].notna().any():
            best = part.sort_values(column, kind="stable").iloc[0]
            ax.plot(best["epoch"], best[column], "o", color=colour, ms=5)
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    legend_below(ax)


def _scale(ax: Axes, losses: pd.DataFrame) -> None:
    """Make the loss axis logarithmic if its values need it, with plain numbers at 1, 2 and 5."""
    values = losses.to_numpy()[losses.notna().to_numpy()]
    if len(values) and values.min() > 0 and values.max() >= LOG_FROM * values.min():
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_locator(NullLocator())
