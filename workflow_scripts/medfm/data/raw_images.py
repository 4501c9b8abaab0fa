"""The check of MedFMC: CSVs and lists are compared, and each image is decoded."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from medfm.analysis.protocols import TASKS
from medfm.data.dataset_files import DatasetFiles, find_files
from medfm.data.label_tables import OFFICIAL, read_labels
from medfm.data.official_lists import PARTS, UNLABELLED, Listed, few_shot_table, read_list
from medfm.data.pictures import perceptual_hash, read_picture, squared
from medfm.data.refusals import MOST_SHOWN, refuse_first
from medfm.data.twins import joined_groups, twin_clusters
from reprise.data.findings import Findings
from reprise.engine.folders import one_line
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import file_sha256

READERS = 4
THUMBNAIL = 32  # side in pixels of what twins are compared by
CASE_COLUMNS = ["case", "task", "image", "group", "study", "official", "labelled", "labels", "row"]
CASE_COLUMNS += ["height", "width", "phash", "twin", "part", "sha256"]


class CheckedImages(NamedTuple):
    """What the check gives: its files, its cases, what is worth knowing, and the few-shot lists."""

    manifest: pd.DataFrame
    cases: pd.DataFrame
    findings: pd.DataFrame
    lists: pd.DataFrame


def check_dataset(root: str | Path) -> CheckedImages:
    """Examine a whole data set, image by image.

    Returns:
        manifest: path (below root), bytes, sha256, case; one row per image.
        cases: one row per image; `medfm.data.conversion` describes the columns.
        findings: severity (note | excluded), file, where, finding.
        lists: see `medfm.data.official_lists.few_shot_table`.

    Raises:
        InputError: the folder holds no MedFMC, or problems; the message lists them all, one per line.
    """
    root, findings = Path(root), Findings()
    files = find_files(root, findings)
    cases = _labelled_images(root, files, findings)
    lists = _read_lists(root, files, findings)
    findings.raise_problems(root)
    _compare_lists(cases, lists, findings)
    cases["path"] = _paths(cases, files, findings)
    findings.raise_problems(root)
    with ThreadPoolExecutor(READERS) as pool:
        read = pool.map(partial(_examined, root), cases["path"])
        facts = list(progress(read, "images checked", len(cases)))
    for image in facts:
        findings.add(image.pop("findings"))
    findings.raise_problems(root)
    cases = _completed(pd.concat([cases, pd.DataFrame(facts)], axis=1))
    _note_counts(cases, findings)
    manifest = cases[["path", "bytes", "sha256", "case"]]
    return CheckedImages(manifest, cases[CASE_COLUMNS], findings.table(), few_shot_table(lists))


def _labelled_images(root: Path, files: DatasetFiles, findings: Findings) -> pd.DataFrame:
    """One row an image of all CSVs, in order of task, official set and line."""
    tables = []
    for task in TASKS:
        for official in OFFICIAL:
            if file := files.tables.get((task, official)):
                try:
                    tables.append(read_labels(root, file, findings))
                except InputError as error:
                    findings.problems.append(str(error))
    findings.raise_problems(root)
    cases = pd.concat(tables, ignore_index=True)
    both = cases[cases.duplicated(["task", "image"])]
    for row in both.head(MOST_SHOWN).to_dict("records"):
        findings.refuse(
            f"{row['task']}_{row['official']}.csv", "", f"{one_line(row['image'])} is in the train set, too"
        )
    return cases


def _read_lists(root: Path, files: DatasetFiles, findings: Findings) -> list[Listed]:
    lists = []
    for file in files.lists.values():
        try:
            lists.append(read_list(root, file, findings))
        except InputError as error:
            findings.problems.append(str(error))
    return lists


def _compare_lists(cases: pd.DataFrame, lists: Sequence[Listed], findings: Findings) -> None:
    """Fill the column `part`; refuse lists of images that they cannot have (see `_refuse_images`), or two parts."""
    facts = ["image", "labels", "official"]
    known = {str(task): {row[0]: row[1:] for row in rows[facts].to_numpy()} for task, rows in cases.groupby("task")}
    _refuse_images(known, lists, findings)
    parts: dict[tuple[str, str], str] = {}
    for each in lists:
        pairs = zip(each.images, each.labels, strict=True)
        truth = {image: labels for image, (labels, _) in known.get(each.task, {}).items()}
        other = [image for image, labels in pairs if labels and truth.get(image) and labels != truth[image]]
        if other:
            shown = f"{len(other)} line{'s' if len(other) > 1 else ''} with other labels than the CSV, which counts"
            findings.note(each.file, "", f"{shown}; such as of {one_line(other[0])}")
        if each.name in PARTS:
            before = {image: parts.setdefault((each.task, image), each.name) for image in each.images}
            lines = [
                ("", f"{one_line(image)} is in {part}, too") for image, part in before.items() if part != each.name
            ]
            refuse_first(findings, each.file, lines, "images that are in two parts")
    keys = zip(cases["task"], cases["image"], strict=True)
    cases["part"] = [parts.get(key, "none") for key in keys]


def _refuse_images(known: Mapping[str, Mapping[str, Any]], lists: Sequence[Listed], findings: Findings) -> None:
    """Refuse images of lists that are in no CSV, or that only the list of images without labels may have.

    One wrong name in a CSV may concern each list. So an image has one line, which names the first list.
    """
    found: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for each in lists:
        for image in dict.fromkeys(each.images):
            labels, official = known.get(each.task, {}).get(image, ("", ""))
            if not official:
                found[each.task, f"is in no CSV of {each.task}"][image].append(each.file)
            elif each.name != UNLABELLED and not labels:
                found[each.task, f"has no labels in the CSV of {each.task}"][image].append(each.file)
            elif each.name != UNLABELLED and official == "val":
                found[each.task, f"is in {each.task}_val.csv, and so in {UNLABELLED} alone"][image].append(each.file)
    for (task, problem), images in found.items():
        for image, files in [*images.items()][:MOST_SHOWN]:
            more = f"; {len(files) - 1} more lists have it" if len(files) > 1 else ""
            findings.refuse(files[0], "", f"{one_line(image)} {problem}{more}")
        if len(images) > MOST_SHOWN:
            findings.refuse(f"lists of {task}", "", f"{len(images) - MOST_SHOWN} more images of this kind")


def _paths(cases: pd.DataFrame, files: DatasetFiles, findings: Findings) -> list[str]:
    """The path of each image; images that are absent become problems, images of no CSV findings."""
    paths = []
    for row in cases.to_dict("records"):
        task, official, image = row["task"], row["official"], row["image"]
        names = (files.images.get((task, where, image)) for where in (official, ""))
        paths.append(next((name for name in names if name), ""))
    absent = cases[[not path for path in paths]]
    for (task, official), rows in absent.groupby(["task", "official"], sort=False):
        wrong = f"is listed, but in no folder image or images of {task}"
        lines = [("", f"{one_line(image)} {wrong}") for image in rows["image"]]
        refuse_first(findings, f"{task}_{official}.csv", lines, "images that are listed, but absent")
    for name in sorted({*files.images.values()} - {*paths}):
        findings.exclude(one_line(name), "", "in no CSV; left out")
    return paths


def _examined(root: Path, name: str) -> dict[str, Any]:
    """What the check keeps of one image: size, hashes and findings."""
    findings = Findings()
    facts: dict[str, Any] = {"findings": findings}
    try:
        picture = read_picture(root / name)
        height, width, channels = picture.pixels.shape
        facts |= {"height": height, "width": width, "channels": channels, "phash": perceptual_hash(picture.pixels)}
        facts["thumbnail"] = squared(picture.pixels, THUMBNAIL, 1).reshape(-1)
        facts |= {"bytes": (root / name).stat().st_size, "sha256": file_sha256(root / name)}
        if picture.oddity:
            findings.note(one_line(name), "", picture.oddity)
    except InputError as error:
        findings.problems.append(str(error).removeprefix(f"{root}/"))
    except OSError as error:
        findings.refuse(one_line(name), "", str(error.strerror))
    return facts


def _completed(cases: pd.DataFrame) -> pd.DataFrame:
    """All columns of the table of cases, and the paths."""
    cases["labelled"] = (cases["labels"] != "").astype(int)
    cases["row"] = cases.groupby("task").cumcount()
    cases["case"] = cases["task"] + "-" + (cases["row"] + 1).astype(str).str.zfill(5)
    twins = pd.Series("", index=cases.index, dtype=object)
    groups = pd.Series("", index=cases.index, dtype=object)
    for _, rows in cases.groupby("task"):
        clusters = pd.Series(twin_clusters(list(rows["phash"]), np.stack(list(rows["thumbnail"]))), index=rows.index)
        twins[rows.index] = clusters.astype(str).where(clusters > 0, "")
        groups[rows.index] = joined_groups(rows["study"], rows["study_id"], twins[rows.index])
    return cases.assign(twin=twins, group=groups)


def _note_counts(cases: pd.DataFrame, findings: Findings) -> None:
    """Findings about each task as a whole: findings without an image, channels, twins, studies."""
    for task, rows in cases.groupby("task", sort=False):
        counts = _positives(rows, str(task))
        if empty := [name for name, count in counts.items() if not count]:
            findings.note(str(task), "", f"no image with {', '.join(empty)}")
        grey, colour = int((rows["channels"] == 1).sum()), int((rows["channels"] == 3).sum())
        if task == "chest" and colour:
            findings.note("chest", "", f"{colour} images in colour; they become grey")
        if task != "chest" and grey:
            findings.note(str(task), "", f"{grey} images whose channels agree; they stay grey, in three equal channels")
        if copies := int((rows["twin"] != "").sum()):
            findings.note(
                str(task), "", f"{copies} images that are there twice or more often; each stays with its twins"
            )
        other = int(((rows["study_id"] != "") & (rows["study_id"] != rows["study"])).sum())
        if other:
            findings.note(str(task), "", f"{other} images whose study_id is not the beginning of their name")


def _positives(rows: pd.DataFrame, task: str) -> Mapping[str, int]:
    labels = rows["labels"][rows["labelled"] == 1]
    return {name: int((labels.str[at] == "1").sum()) for at, name in enumerate(TASKS[task])}
