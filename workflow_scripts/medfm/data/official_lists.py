"""The official lists of images: their names, their lines, and which images they hold.

Each set has a folder, chest, colon or endo, with
    <set>_<shots>-shot_<train|val>_exp<experiment>.txt, of 1, 5 and 10 shots and five experiments;
    trainval.txt, the images that support sets are drawn from, and its parts train_20.txt and val_20.txt;
    test_WithLabel.txt and test_WithoutLabel.txt.
A line has an image's name, a space and its labels: `0,1,0` (chest), `0 0 1 0` (endo) or `1` (colon). Names may have
spaces. Lines of test_WithoutLabel have the name alone.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pandas as pd

from medfm.analysis.protocols import TASKS
from medfm.data.refusals import refuse_first
from reprise.data.findings import Findings
from reprise.engine.folders import one_line
from reprise.step.command import reading
from reprise.step.errors import InputError
from reprise.step.files import regular_size

SHOTS, EXPERIMENTS, KINDS = (1, 5, 10), (1, 2, 3, 4, 5), ("train", "val")
PARTS = ("train_20", "val_20", "test_WithLabel", "test_WithoutLabel")
UNLABELLED = "test_WithoutLabel"
SEPARATORS = {"chest": ",", "colon": ",", "endo": " "}
FEW_SHOT = re.compile(r"(?P<task>chest|colon|endo)_(?P<shots>1|5|10)-shot_(?P<kind>train|val)_exp(?P<experiment>[1-5])")
LARGEST_BYTES = 2**24
COLUMNS = ["task", "shots", "kind", "experiment", "image", "times"]


class Listed(NamedTuple):
    """One list: its file below the root, what it is, and its lines."""

    file: str
    task: str
    name: str  # such as chest_1-shot_train_exp1, or train_20
    images: list[str]  # in the order of the lines
    labels: list[str]  # of each line, as digits; "" if it has none


def list_name(task: str, shots: int, kind: str, experiment: int) -> str:
    """The name of a few-shot list, without .txt."""
    return f"{task}_{shots}-shot_{kind}_exp{experiment}"


def write_list(path: Path, task: str, images: Sequence[str], labels: Mapping[str, Sequence[int]]) -> None:
    """Write a list in the published form; its folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ends = {image: f" {SEPARATORS[task].join(map(str, labels[image]))}" for image in images if path.stem != UNLABELLED}
    path.write_text("".join(f"{image}{ends.get(image, '')}\n" for image in images), encoding="utf-8")


def task_of_list(name: str) -> str:
    """The task of a list by its path, "" if a file is none of the official lists."""
    path = PurePosixPath(name)
    if path.suffix != ".txt":
        return ""
    if found := FEW_SHOT.fullmatch(path.stem):
        return found["task"]
    folders = [folder for folder in reversed(path.parts[:-1]) if folder in TASKS]
    return folders[0] if folders and path.stem in ("trainval", *PARTS) else ""


def read_list(root: Path, file: str, findings: Findings) -> Listed:
    """The images of a list; lines that are none become problems.

    Raises:
        InputError: no regular file of text, or more than any list has.
    """
    task, name = task_of_list(file), PurePosixPath(file).stem
    with reading(file, "not a readable list"):
        if regular_size(root / file) > LARGEST_BYTES:
            raise InputError(f"{file}: expected at most {LARGEST_BYTES >> 20} MB")
        lines = (root / file).read_text(encoding="utf-8-sig").splitlines()
    images, labels, wrong = [], [], []
    count = len(TASKS[task])
    form = re.compile(rf"(?P<image>.*\S)\s+(?P<labels>[01](?:[ ,]+[01]){{{count - 1}}})\s*")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = None if name == UNLABELLED else form.fullmatch(line)
        if match is None and name != UNLABELLED:
            wrong.append((number, line))
            continue
        images.append(match["image"] if match else line.strip())
        labels.append(re.sub(r"[ ,]", "", match["labels"]) if match else "")
    expected = f"a name and {count} label{'s' if count > 1 else ''} of 0 or 1"
    refused = [(f"line {number}", f"expected {expected}, found {one_line(line)!r}") for number, line in wrong]
    refuse_first(findings, file, refused, "lines of this kind")
    if not images and not wrong:
        findings.refuse(file, "", "empty")
    return Listed(file, task, name, images, labels)


def few_shot_table(lists: Sequence[Listed]) -> pd.DataFrame:
    """The few-shot lists as one table: task, shots, kind, experiment, image, times (how often it is listed)."""
    rows = []
    for each in lists:
        if found := FEW_SHOT.fullmatch(each.name):
            key = (each.task, int(found["shots"]), found["kind"], int(found["experiment"]))
            rows += [(*key, image, times) for image, times in Counter(each.images).items()]
    return pd.DataFrame(rows, columns=COLUMNS)
