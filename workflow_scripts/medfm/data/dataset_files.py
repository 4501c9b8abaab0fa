"""The files of MedFMC, recognised by their names: CSVs with labels, official lists, and images.

Images lie in folders named `image` or `images`, below a folder of their task: MedFMC_train/chest/images/NAME.png. CSVs
and lists may lie in any folder; a list of parts, such as train_20.txt, in one of its task.
"""

import re
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from medfm.analysis.protocols import TASKS
from medfm.data.label_tables import TABLE
from medfm.data.official_lists import EXPERIMENTS, KINDS, PARTS, SHOTS, UNLABELLED, list_name, task_of_list
from reprise.data.findings import Findings
from reprise.data.listed_files import listed_files, note_others
from reprise.engine.folders import one_line
from reprise.step.errors import InputError
from reprise.step.files import file_sha256

FOLDERS = ("image", "images")
OFFICIAL = re.compile(r"train|val")


class DatasetFiles(NamedTuple):
    """The files of a data set, as paths below its root."""

    tables: dict[tuple[str, str], str]  # by task and official set
    lists: dict[tuple[str, str], str]  # by task and name without .txt
    images: dict[tuple[str, str, str], str]  # by task, official set ("" if no folder tells it) and name


def find_files(root: Path, findings: Findings) -> DatasetFiles:
    """The files of a data set; what is missing becomes a problem, what is left over a finding.

    Raises:
        InputError: there is no such folder, or nothing of MedFMC in it.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    found: dict[str, dict[tuple[str, ...], list[str]]] = {name: defaultdict(list) for name in DatasetFiles._fields}
    others: list[str] = []
    names = listed_files(root, findings)
    for name in names:
        path = PurePosixPath(name)
        if match := TABLE.fullmatch(path.name):
            found["tables"][match["task"], match["official"]].append(name)
        elif task := task_of_list(name):
            found["lists"][task, path.stem].append(name)
        elif len(path.parts) > 1 and path.parent.name in FOLDERS and (task := _task_of(path)):
            found["images"][task, _official_of(path), path.name].append(name)
        else:
            others.append(name)
    if not found["tables"]:
        shown = ", ".join(map(one_line, names[:5])) or "nothing"
        raise InputError(f"{root}: expected chest_train.csv, colon_train.csv and endo_train.csv in it; found {shown}")
    note_others(others, {"boxes.csv": "where each finding is", "twins.csv": "copies of images"}, findings)
    files = DatasetFiles(*(_one_each(root, kind, found[kind], findings) for kind in DatasetFiles._fields))
    _refuse_missing(files, findings)
    return files


def _task_of(path: PurePosixPath) -> str:
    """The task of an image: the last folder above it that has a task's name."""
    return next((folder for folder in reversed(path.parts[:-2]) if folder in TASKS), "")


def _official_of(path: PurePosixPath) -> str:
    """The official set of an image by the folders above it, "" if they do not tell."""
    for folder in reversed(path.parts[:-2]):
        if match := OFFICIAL.search(folder.lower()):
            return match[0]
    return ""


def _one_each(root: Path, kind: str, found: dict[tuple[str, ...], list[str]], findings: Findings) -> dict:
    """The first file of each; others are a problem, unless they have the same content."""
    for first, *more in found.values():
        for name in more:
            if kind == "images" or file_sha256(root / name) != file_sha256(root / first):
                findings.refuse(one_line(name), "", f"another file of this name than {one_line(first)}")
    return {key: names[0] for key, names in found.items()}


def _refuse_missing(files: DatasetFiles, findings: Findings) -> None:
    for task in TASKS:
        if (task, "train") not in files.tables:
            findings.refuse(f"{task}_train.csv", "", "expected this file in a folder of the data set, found none")
        few_shot = [list_name(task, k, kind, n) for k in SHOTS for kind in KINDS for n in EXPERIMENTS]
        wanted = [*few_shot, *(part for part in PARTS if part != UNLABELLED)]
        absent = [name for name in wanted if (task, name) not in files.lists]
        if absent:
            shown = ", ".join(f"{name}.txt" for name in absent[:3])
            more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
            findings.refuse(task, "", f"expected {len(wanted)} official lists; {shown}{more} missing")
