"""Submission files of the challenge: a CSV without header for each task and number of shots.

A row is the image's name and its scores from 0 to 1: 19 of chest, 4 of endo, and of colon 2 (normal, tumour). Rows are
in the order of the val set's CSV.
"""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medfm.analysis.protocols import outputs_of
from reprise.step.command import reading
from reprise.step.errors import InputError
from reprise.step.files import refuse_irregular

NAME = re.compile(r"(?P<task>chest|colon|endo)_(?P<shots>1|5|10)-shot_submission\.csv")
ROUNDING = 1e-6  # of two scores that add up to 1


def submission_name(task: str, shots: int) -> str:
    """The name of a file that the challenge takes."""
    return f"{task}_{shots}-shot_submission.csv"


def write_submission(path: Path, task: str, images: Sequence[str], scores: np.ndarray) -> None:
    """Write scores (images, findings) of a task; the one of colon, of a tumour, becomes two columns."""
    columns = np.hstack([1 - scores.astype(float), scores]) if task == "colon" else scores
    with path.open("w", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerows([name, *(f"{score:.8f}" for score in row)] for name, row in zip(images, columns, strict=True))


def read_submission(path: Path, images: Sequence[str]) -> np.ndarray:
    """Scores (images, columns) of a file as the challenge takes it.

    Args:
        path: whose name tells the task.
        images: names in the order of the val set's CSV.

    Raises:
        InputError: another name of the file, other images or another order, another number of columns, or a value that
            is no number from 0 to 1, or two of colon that do not add up to 1.
    """
    named = NAME.fullmatch(path.name)
    if not named:
        raise InputError(f"{path}: expected a name such as {submission_name('chest', 1)}")
    refuse_irregular(path)
    with reading(path, "not a readable CSV"), path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream, strict=True))
    if len(rows) != len(images):
        raise InputError(f"{path}: expected {len(images)} rows, found {len(rows)}")
    width = outputs_of(named["task"])
    pairs = enumerate(zip(rows, images, strict=True), start=1)
    return np.array([_scores(f"{path}: line {line}", row, image, width) for line, (row, image) in pairs])


def _scores(where: str, row: Sequence[str], image: str, width: int) -> list[float]:
    """The scores of a row that must be of this image."""
    if not row or row[0] != image:
        raise InputError(f"{where}: expected the image {image!r}, found {row[0] if row else ''!r}")
    if len(row) != 1 + width:
        raise InputError(f"{where}: expected {width} scores, found {len(row) - 1}")
    scores = []
    for text in row[1:]:
        try:
            scores.append(float(text))
        except ValueError:
            scores.append(float("nan"))
        if not 0 <= scores[-1] <= 1:
            raise InputError(f"{where}: expected a score from 0 to 1, found {text!r}")
    if width == 2 and abs(sum(scores) - 1) > ROUNDING:
        raise InputError(f"{where}: expected two scores that add up to 1, found {row[1]} and {row[2]}")
    return scores
