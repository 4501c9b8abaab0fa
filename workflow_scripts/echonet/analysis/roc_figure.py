"""ROC curves of one measurement at several thresholds of the truth."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from echonet.analysis.auc import auc
from reprise.plots.style import GREY, SERIES, groups, legend_below, panels, styled

STYLES = ("-", "--", "-.", ":")
COLUMNS = ("threshold", "positives", "negatives", "auc", "ci_low", "ci_high", "ci_level")


def roc_points(truth: np.ndarray, prediction: np.ndarray, thresholds: Sequence[float], level: float) -> pd.DataFrame:
    """Corners of the ROC curve for detecting truth <= threshold by a low prediction, for each threshold.

    Args:
        truth, prediction: (n,); cases with a value missing are left out.
        thresholds: in the unit of both.
        level: of the interval of the area under the curve (DeLong).

    Returns: columns threshold, positives, negatives, auc, ci_low, ci_high, ci_level, false_positive_rate,
        sensitivity; for a threshold with no case on one side, a single row without a corner (NaN).
    """
    known = np.isfinite(truth) & np.isfinite(prediction)
    truth, prediction = np.asarray(truth)[known], np.asarray(prediction)[known]
    pieces = []
    for threshold in thresholds:
        positive = truth <= threshold
        one_sided = positive.all() or not positive.any()
        x, y = ([np.nan], [np.nan]) if one_sided else roc_curve(positive, -prediction)[:2]
        piece = pd.DataFrame({"false_positive_rate": x, "sensitivity": y})
        counts = int(positive.sum()), int((~positive).sum())
        piece[[*COLUMNS]] = (threshold, *counts, *auc(positive, -prediction, level), level)
        pieces.append(piece[[*COLUMNS, "false_positive_rate", "sensitivity"]])
    return pd.concat(pieces, ignore_index=True)


@styled
def draw_roc(table: pd.DataFrame, quantity: str, unit: str) -> Figure:
    """ROC curves of a table that `roc_points` made; each value of the column `panel` has its own panel."""
    parts = groups(table, "panel")
    figure, axes = panels(len(parts), 2, 3.9, sharex=True, sharey=True)
    for index, (ax, (name, part)) in enumerate(zip(axes, parts, strict=True)):
        ax.plot([0, 1], [0, 1], color=GREY, lw=0.9)
        for (threshold, curve), colour, style in zip(part.groupby("threshold"), SERIES, STYLES, strict=False):
            label = f"≤ {threshold:g} {unit}: {_area(curve.iloc[0])}"
            ax.plot(curve["false_positive_rate"], curve["sensitivity"], color=colour, ls=style, label=label)
        level = part["ci_level"].iloc[0]
        legend_below(ax, f"AUC ({100 * level:.0f} % interval) for {quantity}")
        ax.set(
            title=name,
            xlim=(-0.01, 1),
            ylim=(0, 1.01),
            aspect="equal",
            anchor="N",
            xlabel="1 \N{MINUS SIGN} specificity",
        )
        if index % 2 == 0:
            ax.set_ylabel("sensitivity")
    return figure


def _area(row: pd.Series) -> str:
    """The area under a curve and its interval, for a legend."""
    if np.isnan(row["auc"]):
        return "one class only"
    interval = f" ({row['ci_low']:.3f}\N{EN DASH}{row['ci_high']:.3f})" if np.isfinite(row["ci_low"]) else ""
    return f"{row['auc']:.3f}{interval}"
