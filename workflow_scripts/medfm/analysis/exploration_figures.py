"""Figures of what the data set consists of."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from medfm.analysis.protocols import TASKS
from medfm.analysis.shown import TASK_NAMES
from reprise.plots.style import BLUE, ORANGE, WIDTH, groups, note, panels, styled

BAR_IN = 0.16  # inches that a bar takes, with the gap below it
EDGE_IN = 0.55  # of a panel's title and ticks


@styled
def draw_findings(table: pd.DataFrame) -> Figure:
    """Bars of the images with each finding, of the train and the val set."""
    parts = groups(table, "task")
    heights = [BAR_IN * len(rows) + EDGE_IN for _, rows in parts]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    for axes, (task, rows) in zip(_column(figure, heights), parts, strict=True):
        at = np.arange(len(rows))
        axes.barh(at, rows["train"], color=BLUE, label="train")
        axes.barh(at, rows["val"], left=rows["train"], color=ORANGE, label="val")
        for place, images in zip(at, rows["images"], strict=True):
            axes.annotate(f"{images:,}", (images, place), (3, 0), textcoords="offset points", va="center", fontsize=7)
        axes.set_yticks(at, [name.replace("_", " ") for name in rows["finding"]])
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.grid(axis="y", visible=False)
        axes.set_title(TASK_NAMES[task])
    axes.set_xlabel("images")
    figure.axes[0].legend(loc="center right")
    return figure


@styled
def draw_labels(table: pd.DataFrame) -> Figure:
    """Bars of the images with so many findings; colon has one finding, which the bars of findings show."""
    parts = [(task, rows) for task, rows in groups(table, "task") if len(TASKS[task]) > 1]
    figure, all_axes = panels(len(parts), len(parts), 2.2)
    for axes, (task, rows) in zip(all_axes, parts, strict=True):
        axes.bar(rows["labels"], rows["images"], color=BLUE)
        for labels, images in zip(rows["labels"], rows["images"], strict=True):
            axes.annotate(f"{images:,}", (labels, images), (0, 2), textcoords="offset points", ha="center", fontsize=7)
        axes.set_xticks(rows["labels"])
        axes.margins(y=0.12)
        axes.set_title(TASK_NAMES[task])
        axes.set_xlabel("findings of one image")
    all_axes[0].set_ylabel("images")
    return figure


@styled
def draw_together(table: pd.DataFrame) -> Figure:
    """For each finding the share of its images that have each other finding."""
    tasks = [task for task in table["task"].unique() if len(TASKS[task]) > 1]
    heights = [0.21 * len(TASKS[task]) + 1.6 for task in tasks]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    for axes, task in zip(_column(figure, heights), tasks, strict=True):
        names = TASKS[task]
        rows = table[table["task"] == task]
        shares = rows["share"].to_numpy().reshape(len(names), len(names))
        picture = axes.imshow(np.where(np.eye(len(names), dtype=bool), np.nan, shares), cmap="Blues", vmin=0, vmax=1)
        shown = [name.replace("_", " ") for name in names]
        axes.set_xticks(range(len(names)), shown, rotation=90)
        axes.set_yticks(range(len(names)), shown)
        axes.grid(visible=False)
        axes.set_title(TASK_NAMES[task])
        axes.set_ylabel("of images with this")
        axes.set_xlabel("have this, too")
        figure.colorbar(picture, ax=axes, label="share")
    return figure


@styled
def draw_sizes(table: pd.DataFrame) -> Figure:
    """Width and height of the files, in pixels."""
    parts = groups(table, "task")
    figure, all_axes = panels(len(parts), len(parts), 2.2)
    for axes, (task, rows) in zip(all_axes, parts, strict=True):
        axes.scatter(rows["width"], rows["height"], s=12, color=BLUE)
        axes.set_title(TASK_NAMES[task])
        axes.set_xlabel("width (px)")
        axes.margins(0.2)
        width, height, most = (int(rows[name].iloc[rows["images"].argmax()]) for name in ("width", "height", "images"))
        note(axes, f"most: {width} x {height}\n({most:,} of {rows['images'].sum():,})")
    all_axes[0].set_ylabel("height (px)")
    return figure


@styled
def draw_groups(table: pd.DataFrame) -> Figure:
    """How many images a study of endoscopy and a slide of colon have; an X-ray stands for itself."""
    parts = [(task, rows) for task, rows in groups(table, "task") if task != "chest"]
    figure, all_axes = panels(len(parts), len(parts), 2.2)
    for axes, (task, rows) in zip(all_axes, parts, strict=True):
        axes.bar(rows["images"], rows["units"], width=1.0, color=BLUE)
        unit = rows["unit"].iloc[0]
        plural = {"slide": "slides", "study": "studies"}[unit]
        axes.set_title(TASK_NAMES[task])
        axes.set_xlabel(f"images of one {unit}")
        axes.set_ylabel(plural)
        note(axes, f"{rows['units'].sum():,} {plural}", y=0.97)
    return figure


def _column(figure: Figure, heights: Sequence[float]) -> list[Axes]:
    """Panels one below the other, of these heights."""
    return list(figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights).flat)
