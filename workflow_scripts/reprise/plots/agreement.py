"""Figures of a regression against its truth: scatter, agreement (Bland-Altman), or both together."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reprise.evaluation.regression import errors
from reprise.plots.style import BLUE, GREY, UNDER_DATA, VERMILLION, groups, missing, note, panels, styled

POINT: dict[str, Any] = {"s": 9, "color": BLUE, "alpha": 0.45, "linewidths": 0}
LIMITS_SD = 1.96  # 95 % of normally distributed differences lie within so many standard deviations
MOST_LARGE = 4  # panels of a figure; if there are more, they are small multiples
FINE = 5.0  # limits of a Bland-Altman plot have two decimals if its axis reaches no further


@styled
def draw_scatter(table: pd.DataFrame, quantity: str, unit: str) -> Figure:
    """Prediction against truth with the line of identity; each value of the column `panel` has its own panel.

    Args:
        table: columns panel, truth, prediction (one row per case); rows with a value missing are counted, not drawn.
        quantity: what the axes show, such as "volume".
        unit: its unit.
    """
    parts = groups(table, "panel")
    figure, axes = panels(len(parts), *_grid(len(parts), 2.75), sharex=True, sharey=True)
    low, high = _range(table[["truth", "prediction"]].to_numpy())
    ticks = np.arange(low, high + 1, 20 if high - low > 60 else 10)
    for ax, (name, part) in zip(axes, parts, strict=True):
        _draw_identity(ax, part, (low, high), ticks)
        ax.set_title(_title(name, len(parts)))
    figure.supxlabel(f"measured {quantity} ({unit})")
    figure.supylabel(f"predicted {quantity} ({unit})")
    return figure


def agreement(table: pd.DataFrame) -> pd.DataFrame:
    """Bland and Altman's numbers (Lancet 1986) for a table as in `draw_scatter`.

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
def draw_agreement(table: pd.DataFrame, quantity: str, difference_unit: str, *, noted: bool = False) -> Figure:
    """Bland-Altman plot of a table that `agreement` made: difference against mean, bias and limits of agreement.

    Bias and limits stand at their lines, or are noted in a corner: lines of small panels may lie close together.
    """
    parts = groups(table, "panel") or [("", table)]
    figure, axes = panels(len(parts), *_grid(len(parts), 2.5), sharex=True, sharey=True)
    for ax, (name, part) in zip(axes, parts, strict=True):
        _draw_differences(ax, part, noted=noted)
        ax.set_title(_title(name, len(parts)))
    reach = _reach(table)
    axes[0].set_ylim(-reach, reach)
    figure.supxlabel(f"mean of measured and predicted {quantity}")
    figure.supylabel(f"predicted \N{MINUS SIGN} measured ({difference_unit})")
    return figure


@styled
def draw_comparison(table: pd.DataFrame, quantity: str, unit: str) -> Figure:
    """Scatter (left) and Bland-Altman plot (right) of quantities from 0 up; each value of `panel` has its own row.

    Args:
        table: as `agreement` made it.
        quantity: what is compared, such as "volume".
        unit: its unit.
    """
    parts = groups(table, "panel")
    figure, axes = panels(2 * len(parts), 2, 2.6)
    highest = max(1.05 * float(table[["truth", "prediction"]].max().max()), 1e-3)
    values = np.asarray(MaxNLocator(nbins=5).tick_values(0, highest))
    ticks = values[(values >= 0) & (values <= highest)]
    reach = _reach(table, 1e-3)
    for (name, part), left, right in zip(parts, axes[::2], axes[1::2], strict=True):
        _draw_identity(left, part, (0.0, highest), ticks)
        left.set(title=name, ylabel=f"predicted ({unit})")
        _draw_differences(right, part, 1 if reach > FINE else 2)
        right.set(xlim=(0, highest), ylim=(-reach, reach), ylabel=f"difference ({unit})")
    axes[-2].set_xlabel(f"reference {quantity} ({unit})")
    axes[-1].set_xlabel(f"mean of both ({unit})")
    return figure


def _grid(panels: int, height: float) -> tuple[int, float]:
    """Columns, and the height of a row in inches; many panels are small multiples in three columns."""
    return (2, height) if panels <= MOST_LARGE else (3, 0.75 * height)


def _title(name: str, panels: int) -> str:
    """A panel's title; a small multiple has its protocol on a second line."""
    return name if panels <= MOST_LARGE else name.replace(" (", "\n(")


def _draw_identity(ax: Axes, part: pd.DataFrame, limits: tuple[float, float], ticks: np.ndarray) -> None:
    """A scatter of prediction against truth with the line of identity and its measures."""
    ax.plot(limits, limits, color=GREY, lw=0.9)
    drawn = part.dropna(subset=["truth", "prediction"])
    ax.scatter(drawn["truth"], drawn["prediction"], **POINT)
    ax.set(xlim=limits, ylim=limits, aspect="equal", xticks=ticks, yticks=ticks)
    note(ax, _errors(drawn) + missing(part["prediction"].to_numpy()))


def _draw_differences(ax: Axes, part: pd.DataFrame, decimals: int = 1, *, noted: bool = False) -> None:
    """Differences against means, with bias and limits of agreement; their values at the lines, or in a corner."""
    ax.axhline(0, color=GREY, lw=0.9)
    ax.scatter(part["mean"], part["difference"], **POINT)
    if len(part):
        limits = part[["bias", "lower_limit", "upper_limit"]].iloc[0].to_numpy()
        _draw_limits(ax, limits, decimals, named=not noted)
        note(ax, f"n = {len(part):,}" + _limits_text(limits, decimals) * noted, y=0.02)


def _reach(table: pd.DataFrame, least: float = 1.0) -> float:
    """How far an axis of differences must reach up and down."""
    furthest = table[["difference", "lower_limit", "upper_limit"]].abs().max().max()
    return 1.12 * max(furthest, least) if len(table) else 1.0


def _draw_limits(ax: Axes, limits: np.ndarray, decimals: int, *, named: bool) -> None:
    """Lines at bias and limits of agreement, each with its value at the right edge if they are named."""
    for value, style in zip(limits, ("-", "--", "--"), strict=True):
        if np.isfinite(value):
            ax.axhline(value, color=VERMILLION, lw=1.2, ls=style)
        if np.isfinite(value) and named:
            position: dict[str, Any] = {"xy": (1, value), "xycoords": ("axes fraction", "data"), "xytext": (-2, 3)}
            text = _signed(value, decimals)
            ax.annotate(text, **position, textcoords="offset points", ha="right", fontsize=8, **UNDER_DATA)


def _limits_text(limits: np.ndarray, decimals: int) -> str:
    """Bias and limits of agreement (if there are any) as lines of a note."""
    bias, low, high = (_signed(value, decimals) if np.isfinite(value) else "" for value in limits)
    return f"\nbias {bias}" + (f"\n{low} to {high}" if low else "")


def _signed(value: float, decimals: int) -> str:
    """A number with its sign; 0 has none."""
    shown = round(float(value), decimals)
    return f"{shown:{'+' if shown else ''}.{decimals}f}".replace("-", "\N{MINUS SIGN}" if shown else "")


def _errors(drawn: pd.DataFrame) -> str:
    """The measures in the corner of a scatter."""
    truth, prediction = drawn["truth"], drawn["prediction"]
    values = errors(truth, prediction)
    r2 = f"\nR² {values['r2']:.3f}" if np.isfinite(values["r2"]) else ""
    return f"n = {len(drawn):,}\nMAE {values['mae']:.2f}\nRMSE {values['rmse']:.2f}{r2}"


def _range(values: np.ndarray) -> tuple[float, float]:
    """Limits at multiples of 20, which leave a little room around all finite values."""
    finite = values[np.isfinite(values)]
    low, high = (finite.min() - 1, finite.max() + 1) if len(finite) else (0.0, 100.0)
    return float(np.floor(low / 20) * 20), float(np.ceil(high / 20) * 20)
