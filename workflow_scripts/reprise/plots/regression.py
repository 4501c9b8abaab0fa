"""Figures of a regression against its truth: scatter, agreement, and error by the number of beats averaged."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reprise.metrics.regression import errors
from reprise.plots.style import BLUE, GREY, PROTOCOLS, UNDER_DATA, VERMILLION, groups, missing, note, panels, styled

POINT: dict[str, Any] = {"s": 9, "color": BLUE, "alpha": 0.45, "linewidths": 0}
LIMITS_SD = 1.96  # 95 % of normally distributed differences lie within so many standard deviations
MOST_BEATS = 6  # videos with more share the last box
FEW = 10  # values of a box below which each is shown
BOX: dict[str, Any] = {
    "showfliers": False,
    "patch_artist": True,
    "widths": 0.34,
    "manage_ticks": False,
    "medianprops": {"color": "black"},
}


@styled
def draw_scatter(table: pd.DataFrame, quantity: str, unit: str) -> Figure:
    """Prediction against truth with the line of identity, a panel for each value of the column `panel`.

    Args:
        table: columns panel, truth, prediction (a row a case); rows with a value missing are counted, not drawn.
        quantity: what the axes show, such as "EF".
        unit: its unit.
    """
    parts = groups(table, "panel")
    figure, axes = panels(len(parts), 2, 2.75, sharex=True, sharey=True)
    low, high = _range(table[["truth", "prediction"]].to_numpy())
    for ax, (name, part) in zip(axes, parts, strict=True):
        ax.plot([low, high], [low, high], color=GREY, lw=0.9)
        drawn = part.dropna(subset=["truth", "prediction"])
        ax.scatter(drawn["truth"], drawn["prediction"], **POINT)
        ticks = np.arange(low, high + 1, 20 if high - low > 60 else 10)
        ax.set(title=name, xlim=(low, high), ylim=(low, high), aspect="equal", xticks=ticks, yticks=ticks)
        note(ax, _errors(drawn) + missing(part["prediction"].to_numpy()))
    figure.supxlabel(f"measured {quantity} ({unit})")
    figure.supylabel(f"predicted {quantity} ({unit})")
    return figure


def agreement(table: pd.DataFrame) -> pd.DataFrame:
    """Bland and Altman's numbers for a table as in `draw_scatter` (Lancet 1986).

    Returns: its rows with both values, with the columns mean, difference (prediction - truth), and each panel's
        bias, lower_limit and upper_limit of agreement (bias -+ 1.96 SD; NaN for a single case).
    """
    rows = table.dropna(subset=["truth", "prediction"]).copy()
    rows["mean"] = (rows["truth"] + rows["prediction"]) / 2
    rows["difference"] = rows["prediction"] - rows["truth"]
    by_panel = rows.groupby("panel", sort=False)["difference"]
    rows["bias"] = by_panel.transform("mean")
    half = LIMITS_SD * by_panel.transform("std")
    return rows.assign(lower_limit=rows["bias"] - half, upper_limit=rows["bias"] + half)


@styled
def draw_agreement(table: pd.DataFrame, quantity: str, difference_unit: str) -> Figure:
    """Bland-Altman plot of a table that `agreement` made: difference against mean, bias and limits of agreement."""
    parts = groups(table, "panel") or [("", table)]
    figure, axes = panels(len(parts), 2, 2.5, sharex=True, sharey=True)
    for ax, (name, part) in zip(axes, parts, strict=True):
        ax.axhline(0, color=GREY, lw=0.9)
        ax.scatter(part["mean"], part["difference"], **POINT)
        ax.set_title(name)
        if len(part):
            _draw_limits(ax, *part[["bias", "lower_limit", "upper_limit"]].iloc[0])
            note(ax, f"n = {len(part):,}", y=0.02)
    reach = 1.12 * max(table[["difference", "lower_limit", "upper_limit"]].abs().max().max(), 1.0) if len(table) else 1
    axes[0].set_ylim(-reach, reach)
    figure.supxlabel(f"mean of measured and predicted {quantity}")
    figure.supylabel(f"predicted \N{MINUS SIGN} measured ({difference_unit})")
    return figure


@styled
def draw_error_by_beats(table: pd.DataFrame, unit: str) -> Figure:
    """Box plots of absolute error by the number of beats averaged, protocols side by side.

    Args:
        table: columns run, part, protocol, beats, absolute_error. Part "experiment" has a row a random draw (its
            mean absolute error); part "videos" has a row a video.
        unit: of the error.

    Boxes: quartiles and median; whiskers reach the last value within 1.5 interquartile ranges. Where a box has
    fewer than ten values they are drawn, too.
    """
    parts = groups(table, "run")
    figure, axes = panels(2 * len(parts), 2, 2.9)
    for row, (name, part) in enumerate(parts):
        left, right = axes[2 * row : 2 * row + 2]
        _draw_boxes(left, part[part["part"] == "experiment"])
        counts = _draw_boxes(right, part[part["part"] == "videos"])
        right.set_xticks(range(len(counts)), counts)
        left.set(title=name, xlabel="beats drawn from each video", ylabel=f"MAE of a draw\n({unit})")
        right.set(
            xlabel="beats found in the video\n(below: videos, by each protocol)", ylabel=f"absolute error\n({unit})"
        )
        right.set_ylim(bottom=0)
    handles = [Patch(facecolor=colour, alpha=0.6, label=name) for name, colour in PROTOCOLS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _draw_boxes(ax: Axes, table: pd.DataFrame) -> list[str]:
    """Draw a box for each protocol and number of beats; return, for each number, a label that has their counts."""
    beats = table["beats"].clip(upper=MOST_BEATS)
    present = sorted(beats.unique())
    labels = [f"{k:.0f}{'+' if k == MOST_BEATS else ''}" for k in present]
    ax.set_xticks(range(len(present)), labels)
    ax.grid(axis="x", visible=False)
    counts = []
    for side, (protocol, colour) in zip((-0.2, 0.2), PROTOCOLS.items(), strict=True):
        errors = table.loc[table["protocol"] == protocol, "absolute_error"].dropna()
        values = [errors[beats == k].to_numpy() for k in present]
        counts.append([str(len(value)) for value in values])
        drawn = [place for place, value in enumerate(values) if len(value)]
        places = [place + side for place in drawn]
        if not drawn:
            continue
        boxes = ax.boxplot([values[place] for place in drawn], positions=places, **BOX)
        for box in boxes["boxes"]:
            box.set(facecolor=to_rgba(colour, 0.6))
        for place in drawn:
            if len(values[place]) < FEW:
                ax.plot([place + side] * len(values[place]), values[place], ".", color="black", ms=3)
    return ["\n".join(lines) for lines in zip(labels, *counts, strict=True)]


def _draw_limits(ax: Axes, bias: float, lower: float, upper: float) -> None:
    """Lines at bias and limits of agreement, each with its value at the right edge."""
    for value, style in ((bias, "-"), (lower, "--"), (upper, "--")):
        if np.isfinite(value):
            ax.axhline(value, color=VERMILLION, lw=1.2, ls=style)
            place: dict[str, Any] = {"xy": (1, value), "xycoords": ("axes fraction", "data"), "xytext": (-2, 3)}
            text = f"{value:+.1f}".replace("-", "\N{MINUS SIGN}") if abs(value) >= 0.05 else "0.0"
            ax.annotate(text, **place, textcoords="offset points", ha="right", fontsize=8, **UNDER_DATA)


def _errors(drawn: pd.DataFrame) -> str:
    """The measures that a scatter carries, for its corner."""
    truth, prediction = drawn["truth"], drawn["prediction"]
    values = errors(truth, prediction)
    return f"n = {len(drawn):,}\nMAE {values['mae']:.2f}\nRMSE {values['rmse']:.2f}\nR² {values['r2']:.3f}"


def _range(values: np.ndarray) -> tuple[float, float]:
    """Limits at multiples of 20 that hold all finite values and a little room."""
    finite = values[np.isfinite(values)]
    low, high = (finite.min() - 1, finite.max() + 1) if len(finite) else (0.0, 100.0)
    return float(np.floor(low / 20) * 20), float(np.ceil(high / 20) * 20)
