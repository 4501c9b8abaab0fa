"""The images that heat maps are made of, a row an image and finding, and where a finding is in them."""

import math
from pathlib import Path

import numpy as np
import pandas as pd

from medfm.analysis.protocols import TASKS, truth_of
from reprise.step.errors import InputError
from reprise.step.tables import read_table

BOX = {"task": str, "image": str, "finding": str, "top": int, "left": int, "bottom": int, "right": int}
NO_BOXES = pd.DataFrame(columns=list(BOX))


def highest_scored(scores: pd.DataFrame, cases: pd.DataFrame, task: str, count: int) -> pd.DataFrame:
    """For each finding of a task the `count` images with the highest score: task, finding, rank, case, truth, score.

    Args:
        scores: case, and a column a finding.
        cases: images of the task, with the columns case and labels.
        task: chest, colon or endo.
        count: how many images; there are fewer if fewer were scored.

    Raises:
        InputError: scores of images that are not among the cases.
    """
    found = pd.Index(cases["case"]).get_indexer(scores["case"])
    if (found < 0).any():
        raise InputError(f"{task}: scores of {scores['case'][found < 0].iloc[0]}, which is no image of the store")
    truth = truth_of(cases.iloc[found])
    tables = []
    for at, finding in enumerate(TASKS[task]):
        order = np.argsort(-scores[finding].to_numpy(), kind="stable")[:count]
        columns = {"case": scores["case"].iloc[order].to_numpy(), "truth": truth[order, at]}
        columns |= {"score": scores[finding].iloc[order].to_numpy()}
        tables.append(pd.DataFrame({"task": task, "finding": finding, "rank": np.arange(len(order)) + 1, **columns}))
    return pd.concat(tables, ignore_index=True)


def read_boxes(path: Path) -> pd.DataFrame:
    """Where findings are: task, image, finding, top, left, bottom, right, in pixels of the image's file.

    Raises:
        InputError: the table is damaged.
    """
    return read_table(path, BOX)


def boxes_drawn(boxes: pd.DataFrame, chosen: pd.DataFrame, cases: pd.DataFrame, side: int) -> np.ndarray:
    """The boxes of chosen images as masks (N, side, side) bool of the squared images; empty where there is no box.

    Args:
        boxes: see `read_boxes`.
        chosen: see `highest_scored`.
        cases: the images of a task, with the columns case, task, image, height and width.
        side: of the masks, px.
    """
    images = cases[["case", "task", "image", "height", "width"]]
    known = chosen[["case", "finding"]].assign(at=range(len(chosen))).merge(images, on="case")
    masks = np.zeros((len(chosen), side, side), bool)
    for row in known.merge(boxes, on=["task", "image", "finding"]).to_dict("records"):
        top, bottom = (row[name] * side / row["height"] for name in ("top", "bottom"))
        left, right = (row[name] * side / row["width"] for name in ("left", "right"))
        masks[row["at"], int(top) : math.ceil(bottom), int(left) : math.ceil(right)] = True
    return masks
