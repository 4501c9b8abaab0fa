"""What the data set consists of, as tables: findings, labels an image, findings together, sizes, studies, twins."""

import numpy as np
import pandas as pd

from medfm.analysis.protocols import TASKS, of_task, truth_of

UNITS = {"chest": "image", "colon": "slide", "endo": "study"}


def images_a_finding(cases: pd.DataFrame) -> pd.DataFrame:
    """Columns task, finding, train, val, images (of both), share (of all images with labels).

    Of colon, normal patches have a row of their own; of the other tasks, images without a finding.
    """
    rows = []
    for task, findings in TASKS.items():
        images = labelled(cases, task)
        truth = truth_of(images).reshape(-1, len(findings))
        none = "normal" if task == "colon" else "no finding"
        columns = np.column_stack([truth, truth.max(axis=1, initial=0) == 0])
        for finding, column in zip((*findings, none), columns.T, strict=True):
            counts = {part: int(column[(images["official"] == part).to_numpy()].sum()) for part in ("train", "val")}
            total = sum(counts.values())
            rows.append({"task": task, "finding": finding} | counts | {"images": total, "share": _share(total, images)})
    return pd.DataFrame(rows)


def labels_an_image(cases: pd.DataFrame) -> pd.DataFrame:
    """Columns task, labels (findings of one image), images; of tasks with several findings, from 0 to the most."""
    rows = []
    for task, findings in TASKS.items():
        counts = truth_of(labelled(cases, task)).reshape(-1, len(findings)).sum(axis=1)
        rows += [(task, number, int(images)) for number, images in enumerate(np.bincount(counts))]
    return pd.DataFrame(rows, columns=["task", "labels", "images"])


def findings_together(cases: pd.DataFrame) -> pd.DataFrame:
    """Columns task, finding, other, images (with both), share (of those with the finding; or NaN)."""
    rows = []
    for task, findings in TASKS.items():
        truth = truth_of(labelled(cases, task)).reshape(-1, len(findings)).astype(np.int64)
        both = truth.T @ truth
        for at, finding in enumerate(findings):
            own = int(both[at, at])
            shares = [int(count) / own if own else np.nan for count in both[at]]
            rows += [(task, finding, *row) for row in zip(findings, both[at].tolist(), shares, strict=True)]
    return pd.DataFrame(rows, columns=["task", "finding", "other", "images", "share"])


def image_sizes(cases: pd.DataFrame) -> pd.DataFrame:
    """Columns task, height, width (of the files, in pixels), images."""
    return cases.groupby(["task", "height", "width"]).size().rename("images").reset_index()


def images_a_group(cases: pd.DataFrame) -> pd.DataFrame:
    """Columns task, unit (image | slide | study), images (of one unit), units (that have so many)."""
    tables = []
    for task in TASKS:
        sizes = of_task(cases, task).groupby("study").size().value_counts().sort_index()
        columns = {"task": task, "unit": UNITS[task], "images": sizes.index, "units": sizes.to_numpy()}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def twin_table(cases: pd.DataFrame) -> pd.DataFrame:
    """One row for each image that is there twice: task, twin, case, official, part, same_labels (0 | 1).

    Copies without labels agree with all others.
    """
    copies = cases[cases["twin"].fillna("") != ""]
    known = copies.assign(labels=copies["labels"].replace("", np.nan))
    same = known.groupby(["task", "twin"])["labels"].transform("nunique") <= 1
    columns = ["task", "twin", "case", "official", "part"]
    return copies[columns].assign(same_labels=same.astype(int)).sort_values(["task", "twin", "case"])


def labelled(cases: pd.DataFrame, task: str) -> pd.DataFrame:
    """The images of a task that have labels."""
    images = of_task(cases, task)
    return images[images["labelled"] == 1]


def _share(count: int, images: pd.DataFrame) -> float:
    return count / len(images) if len(images) else float("nan")
