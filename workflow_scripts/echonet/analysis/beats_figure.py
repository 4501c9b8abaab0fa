"""Figure of the error of EF by the number of beats that it is averaged over."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reprise.plots.style import PROTOCOLS, groups, panels, styled

MOST_BEATS = 6  # the last box holds videos with this number or more
FEW = 10  # boxes with fewer values show each of them
BOX: dict[str, Any] = {
    "showfliers": False,
    "patch_artist": True,
    "widths": 0.34,
    "manage_ticks": False,
    "medianprops": {"color": "black"},
}


@styled
def draw_error_by_beats(table: pd.DataFrame, unit: str) -> Figure:
    """Box plots of absolute error by the number of beats averaged, protocols side by side.

    Args:
        table: columns run, part, protocol, beats, absolute_error. Part "experiment" has one row per random draw
            (its mean absolute error), part "videos" one row per video.
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
    """Draw a box for each protocol and number of beats; return a label with the counts for each number."""
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
        filled = [index for index, value in enumerate(values) if len(value)]
        if not filled:
            continue
        boxes = ax.boxplot([values[index] for index in filled], positions=[index + side for index in filled], **BOX)
        for box in boxes["boxes"]:
            box.set(facecolor=to_rgba(colour, 0.6))
        for index in filled:
            if len(values[index]) < FEW:
                ax.plot(np.full(len(values[index]), index + side), values[index], ".", color="black", ms=3)
    return ["\n".join(lines) for lines in zip(labels, *counts, strict=True)]
