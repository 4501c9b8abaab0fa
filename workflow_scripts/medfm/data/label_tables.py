"""The CSVs of MedFMC, read by the names of their columns: chest_train.csv, chest_val.csv and so on.

They have a column without a name (an index), `img_id`, a column for each finding, and, of endoscopy, `study_id` before
or after `img_id`. A CSV of the val set may have no labels.
"""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from medfm.analysis.protocols import TASKS
from medfm.data.refusals import MOST_SHOWN, refuse_first
from reprise.data.findings import Findings
from reprise.engine.folders import one_line
from reprise.step.errors import InputError
from reprise.step.tables import read_text_table

TABLE = re.compile(r"(?P<task>chest|colon|endo)_(?P<official>train|val)\.csv")
OFFICIAL = ("train", "val")
DIGITS = {"0": "0", "1": "1", "0.0": "0", "1.0": "1"}
# How much of a name tells the study of an endoscopy image, or the slide of a patch; an X-ray stands for itself.
STUDY = {"chest": slice(None), "colon": slice(None, -9), "endo": slice(None, 18)}


def write_labels(path: Path, images: pd.DataFrame) -> None:
    """Write a CSV as published; `images` has the columns image, study and, if they have labels, the findings.

    Of endoscopy, the study comes before the name in the train set, and behind it in the other.
    """
    match = TABLE.fullmatch(path.name)
    assert match, "a name of a CSV as published"
    named = {"train": ["study_id", "img_id"], "val": ["img_id", "study_id"]}[match["official"]]
    table = images.rename(columns={"image": "img_id", "study": "study_id"}).reset_index(drop=True)
    findings = [name for name in TASKS[match["task"]] if name in table]
    table[[*(named if match["task"] == "endo" else ["img_id"]), *findings]].to_csv(path)


def read_labels(root: Path, file: str, findings: Findings) -> pd.DataFrame:
    """One row an image, in the order of the file: task, official, image, study, study_id, labels (digits, or "").

    Rows that cannot be taken become problems.

    Raises:
        InputError: no CSV, no row in it, or a column is missing or there twice.
    """
    match = TABLE.fullmatch(PurePosixPath(file).name)
    assert match, "the caller has found the file by its name"
    task, official = match["task"], match["official"]
    try:
        table = read_text_table(root / file, skipinitialspace=True)
    except InputError as error:
        raise InputError(str(error).removeprefix(f"{root}/")) from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes what is too much for an index
        raise InputError(f"{file}: expected {len(table.columns)} values a row, found more")
    names = {str(name).strip().casefold(): name for name in table.columns}
    columns = _label_columns(file, task, official, names)
    if table.empty:
        raise InputError(f"{file}: expected one row or more, found none")
    images = table[names["img_id"]].fillna("")
    labels = [table[names[name.casefold()]].map(DIGITS) for name in columns]
    _refuse_labels(file, table, [names[name.casefold()] for name in columns], labels, findings)
    _refuse_names(file, images, findings)
    studies = table[names["study_id"]].fillna("") if "study_id" in names else pd.Series("", index=table.index)
    digits = np.full(len(table), "", dtype=object)
    for column in labels:
        digits = digits + column.fillna("0").to_numpy(dtype=object)
    return pd.DataFrame(
        {
            "task": task,
            "official": official,
            "image": images.to_numpy(dtype=object),
            "study": [PurePosixPath(name).stem if task == "chest" else name[STUDY[task]] for name in images],
            "study_id": studies.to_numpy(dtype=object),
            "labels": digits,
        }
    )


def _label_columns(file: str, task: str, official: str, names: dict[str, str]) -> Sequence[str]:
    """The findings that a file has columns of: all, or none in a CSV of the val set."""
    if "img_id" not in names:
        raise InputError(f"{file}: expected the column img_id, found {', '.join(map(str, names.values()))}")
    if twice := [name for name in ("img_id", "study_id", *TASKS[task]) if f"{name.casefold()}.1" in names]:
        raise InputError(f"{file}: the column {twice[0]} is there twice")  # pandas calls the second one NAME.1
    absent = [name for name in TASKS[task] if name.casefold() not in names]
    if len(absent) == len(TASKS[task]) and official == "val":
        return ()
    if absent:
        more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
        raise InputError(f"{file}: expected a column for each finding; {', '.join(absent[:3])}{more} missing")
    return TASKS[task]


def _refuse_labels(
    file: str, table: pd.DataFrame, columns: Sequence[str], labels: Sequence[pd.Series], findings: Findings
) -> None:
    for name, column in zip(columns, labels, strict=True):
        lines = []
        for row in np.flatnonzero(column.isna()):
            found = table[name].iloc[row]
            shown = repr(one_line(str(found))) if isinstance(found, str) else "nothing"
            lines.append((f"line {row + 2}", f"{name}: expected 0 or 1, found {shown}"))
        refuse_first(findings, file, lines, "values that are not 0 or 1", name)


def _refuse_names(file: str, images: pd.Series, findings: Findings) -> None:
    """Refuse names that are none, or that lead out of the folder of images, or that come twice."""
    bad = [not name.strip() or "/" in name or "\\" in name or name.startswith(".") for name in images]
    twice = images.duplicated()
    for row in np.flatnonzero(bad)[:MOST_SHOWN]:
        findings.refuse(
            file, f"line {row + 2}", f"img_id: expected the name of a file, found {one_line(images.iloc[row])!r}"
        )
    for row in np.flatnonzero(twice & ~np.array(bad, bool))[:MOST_SHOWN]:
        findings.refuse(file, f"line {row + 2}", f"{one_line(images.iloc[row])} is listed twice")
