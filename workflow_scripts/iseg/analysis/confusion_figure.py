"""Confusion matrices: of the voxels of each true class, the share that got each class."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from iseg.analysis.protocols import CLASSES
from iseg.analysis.shown import CLASS_NAMES
from reprise.plots.style import groups, panels, styled

DARK = 0.5  # shares above it are dark, and their text is white


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """Voxels (columns network, true, found, voxels) with `share`: of the true class; NaN of a class without any."""
    counts = table.groupby(["network", "true"], sort=False)["voxels"].transform("sum")
    return table.assign(share=table["voxels"] / counts.where(counts > 0))


@styled
def draw_matrices(table: pd.DataFrame) -> Figure:
    """A matrix for each network of a table that `shares` made: rows are true classes, columns are found ones."""
    parts = groups(table, "network")
    figure, axes = panels(len(parts), 2, 2.6)
    for ax, (name, part) in zip(axes, parts, strict=True):
        wide = part.pivot(index="true", columns="found", values="share").reindex(index=CLASSES, columns=CLASSES)
        _draw_matrix(ax, wide.to_numpy(dtype=float))
        ax.set(title=name, xlabel="found")
    axes[0].set_ylabel("true")
    return figure


def _draw_matrix(ax: Axes, values: np.ndarray) -> None:
    """Cells in blue by their share, with the share in per cent."""
    ax.pcolormesh(values[::-1], cmap="Blues", vmin=0, vmax=1.15, edgecolor="white", linewidth=1)
    for (row, column), value in np.ndenumerate(values[::-1]):
        text = f"{100 * value:.1f}" if np.isfinite(value) else "\N{EN DASH}"
        colour = "white" if value > DARK else "black"
        ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8, color=colour)
    names = [CLASS_NAMES[name] for name in CLASSES]
    places = np.arange(len(names)) + 0.5
    ax.set_xticks(places, names)
    ax.set_yticks(places, names[::-1])
    ax.grid(False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_aspect("equal")
