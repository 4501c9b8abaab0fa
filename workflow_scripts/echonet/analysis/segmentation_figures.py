"""Figures of a segmentation: distribution of Dice, area over time, contours beside the tracings."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from skimage.measure import find_contours

from echonet.analysis.figure_data import DIASTOLE, SYSTOLE
from reprise.plots.style import (
    BLACK,
    BLUE,
    ORANGE,
    PROTOCOLS,
    SKY,
    WIDTH,
    YELLOW,
    groups,
    note,
    panels,
    styled,
)

# Colour, width and name of contours on dark images; the wider contour lies below.
TRACING, NETWORK = (YELLOW, 1.8, "tracing"), (SKY, 0.9, "network")
BINS = 40
DASHED = (0, (3, 2))


def dice_bins(values: pd.Series) -> list[float]:
    """Edges of bins for all `values`: from 1 down to a round number below the lowest, steps of 0.005 to 0.05."""
    lowest = values.min() if values.notna().any() else 0.9
    step = next((s for s in (0.005, 0.01, 0.02, 0.025) if (1 - lowest) / s <= BINS), 0.05)
    return list(1 - step * np.arange(int(np.ceil((1 - lowest) / step)) + 1)[::-1])


@styled
def draw_dice(table: pd.DataFrame) -> Figure:
    """Histograms of Dice; each value of the column `run` has a row of two panels (ED, ES).

    Args:
        table: columns run, image ("large" or "small": ED or ES in the order of the file), dice, tracing_ok. Images
            with a malformed tracing are stacked on the others in another colour.
    """
    parts = groups(table, "run")
    edges = dice_bins(table["dice"])
    figure, axes = panels(2 * len(parts), 2, 2.2, sharex=True)
    for row, (name, part) in enumerate(parts):
        for ax, image, words in zip(axes[2 * row :], ("large", "small"), ("ED", "ES"), strict=False):
            _draw_histogram(ax, part[part["image"] == image], edges)
            ax.set_title(f"{name}: {words}" if len(parts) > 1 else words)
            ax.set_xlabel("Dice")
        axes[2 * row].set_ylabel("images")
    if not table["tracing_ok"].all():
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _draw_histogram(ax: Axes, images: pd.DataFrame, edges: list[float]) -> None:
    values = images["dice"].dropna()
    ok = images.loc[values.index, "tracing_ok"].astype(bool)
    labels = ["tracing well-formed", "tracing malformed"]
    ax.hist([values[ok], values[~ok]], bins=edges, stacked=True, color=[BLUE, ORANGE], label=labels)
    ax.grid(axis="x", visible=False)
    if len(values):
        ax.axvline(values.median(), color=BLACK, lw=1)
        note(ax, f"n = {len(values):,}\nmedian {values.median():.3f}\nlowest {values.min():.3f}", x=0.03, y=0.97)


@styled
def draw_areas(table: pd.DataFrame, unit: str = "px") -> Figure:
    """Area over time with systoles and traced frames; each value of the column `case` has its own panel.

    Args:
        table: columns case, title, seconds, area, and 0 or 1 in systole_published, systole_sound, traced_ed,
            traced_es.
        unit: of the area.
    """
    parts = groups(table, "case")
    figure, axes = panels(len(parts), 1, 1.35)
    for ax, (_, part) in zip(axes, parts, strict=True):
        ax.plot(part["seconds"], part["area"], color=BLACK, lw=1.2, label="area")
        for column, colour in (("traced_es", SYSTOLE), ("traced_ed", DIASTOLE)):
            for second in part.loc[part[column] == 1, "seconds"]:
                ax.axvline(second, color=colour, lw=1.2, ls=DASHED, label=f"{column[-2:].upper()} traced")
        for protocol, marker, size in (("published", "o", 7.5), ("sound", "v", 4)):
            found = part[part[f"systole_{protocol}"] == 1]
            fill = "none" if protocol == "published" else PROTOCOLS[protocol]
            ax.plot(
                found["seconds"],
                found["area"],
                marker,
                ms=size,
                mec=PROTOCOLS[protocol],
                mfc=fill,
                mew=1.3,
                label=f"systole, {protocol} rule",
            )
        ax.set_title(part["title"].iloc[0], fontsize=8)
        ax.set_ylabel(f"area ({unit})")
        ax.margins(x=0, y=0.15)
    axes[-1].set_xlabel("time (s)")
    by_label = dict(pair[::-1] for ax in axes for pair in zip(*ax.get_legend_handles_labels(), strict=True))
    figure.legend(by_label.values(), by_label.keys(), loc="outside lower center", ncols=3)
    return figure


@styled
def draw_examples(images: np.ndarray, traced: np.ndarray, predicted: np.ndarray, titles: list[str]) -> Figure:
    """Traced images with both contours: a column a case, the first image (ED) above the second (ES).

    Args:
        images: (K, 2, H, W, C) uint8, grey or RGB.
        traced: (K, 2, H, W) masks of the tracings.
        predicted: (K, 2, H, W) masks found by a network.
        titles: K short titles.
    """
    columns = max(len(images), 4)
    figure = Figure(figsize=(WIDTH, 2 * (WIDTH - 0.4) / columns + 0.8), layout="constrained")
    axes = figure.subplots(2, columns, squeeze=False)
    for unused in axes[:, len(images) :].flat:
        unused.remove()
    for case in range(len(images)):
        for row, words in enumerate(("ED", "ES")):
            ax = axes[row, case]
            ax.imshow(np.repeat(images[case, row, ..., :1], 3, axis=-1), interpolation="none")
            _outline(ax, traced[case, row], *TRACING)
            _outline(ax, predicted[case, row], *NETWORK)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            if case == 0:
                ax.set_ylabel(words, rotation=0, ha="right", va="center", fontweight="bold")
        axes[0, case].set_title(titles[case], fontsize=8, fontweight="normal")
    handles = [Line2D([], [], color=colour, lw=lw, label=label) for colour, lw, label in (TRACING, NETWORK)]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=2, labelcolor="white", facecolor="black", framealpha=1
    )
    return figure


def _outline(ax: Axes, mask: np.ndarray, colour: str, width: float, label: str) -> None:
    """Draw the border of a mask (H, W), half-way between its pixels and the others."""
    for line in find_contours(np.pad(mask.astype(float), 1), 0.5):
        ax.plot(line[:, 1] - 1, line[:, 0] - 1, color=colour, lw=width, label=label)
