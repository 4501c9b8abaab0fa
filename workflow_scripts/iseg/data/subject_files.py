"""The files of iSeg-2017's subjects, recognised by their names.

As released: `iSeg-2017-Training/subject-N-T1.hdr` with its `.img`, the same for `T2` and `label`, N from 1 to 10; and
`iSeg-2017-Testing` with the subjects 11 to 23, which have no labels. Found are also files in other folders, and files
that were saved again as NIfTI under the same names.
"""

import re
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from reprise.data.findings import Findings
from reprise.data.listed_files import listed_files, note_others
from reprise.data.nifti import half_of
from reprise.engine.folders import one_line
from reprise.step.errors import InputError

FILE = re.compile(r"subject-0*(?P<number>[1-9]\d{0,5})-(?P<content>t1|t2|label)\.(hdr|img|nii)(\.gz)?", re.IGNORECASE)
IMAGES, LABEL = ("T1", "T2"), "label"
OFFICIAL = {"training": "iSeg-2017-Training", "testing": "iSeg-2017-Testing"}
LAST_TRAINING = 10  # the number of the last subject with labels, as released


class Subject(NamedTuple):
    """One subject, and the paths of its files below the root, by content (T1, T2, label); of a pair, the header's."""

    name: str
    number: int
    official: str  # training | testing
    files: dict[str, str]


def find_subjects(root: Path, findings: Findings) -> list[Subject]:
    """The subjects below a folder, in the order of their numbers; what is odd or left over goes to the findings.

    Raises:
        InputError: there is no such folder, or no subject in it.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    found: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    others: list[str] = []
    for name in listed_files(root, findings):
        if match := FILE.fullmatch(PurePosixPath(name).name):
            content = next(each for each in (*IMAGES, LABEL) if each.lower() == match["content"].lower())
            found[f"subject-{match['number']}"][content].setdefault(half_of(Path(name), "hdr").as_posix(), name)
        else:
            others.append(name)
    if not found:
        shown = ", ".join(map(one_line, others[:5])) or "nothing"
        raise InputError(f"{root}: expected {OFFICIAL['training']}/subject-1-T1.hdr and the like in it; found {shown}")
    note_others(others, {}, findings)
    subjects = [_collected(root, name, files, findings) for name, files in found.items()]
    return sorted((subject for subject in subjects if subject), key=lambda subject: subject.number)


def _collected(root: Path, case: str, files: dict[str, dict[str, str]], findings: Findings) -> Subject | None:
    """The files of one subject; None if a problem was added to the findings.

    `files`: for each content, the name of a header, though none may be there, and a file that is there.
    """
    before, number = len(findings.problems), int(case.rpartition("-")[2])
    for content, found in files.items():
        first, *more = sorted(found)
        for name in more:
            findings.refuse(found[name], "", f"another {content} of {case} than {found[first]}; one is too many")
    one_each = {content: min(found) for content, found in files.items()}
    for content in IMAGES:
        if content not in files:
            findings.refuse(next(iter(one_each.values())), "", f"expected {case}-{content} beside it, found none")
    officials = {_by_folder(root, name) for name in one_each.values()}
    if len(officials) > 1:
        parts = " and ".join(sorted(officials - {""}))
        findings.refuse(case, "", f"expected all its files in one folder, found some in that of {parts}")
    official = min(officials)
    if not official:
        official = "training" if number <= LAST_TRAINING else "testing"
        names = " nor in ".join(OFFICIAL.values())
        findings.note(case, "", f"lies neither in {names}; counted as {official} by its number")
    if official == "training" and LABEL not in files:
        findings.refuse(one_each.get("T1", case), "", f"expected {case}-{LABEL} beside it, as of a training subject")
    if official == "testing" and LABEL in files:
        findings.note(one_each[LABEL], "", "labels of a testing subject; it counts as one of those with labels")
    in_order = {content: one_each[content] for content in (*IMAGES, LABEL) if content in one_each}
    return Subject(case, number, official, in_order) if len(findings.problems) == before else None


def _by_folder(root: Path, name: str) -> str:
    """The part of the data set to which a file belongs by the folders that it lies in, "" if they do not say."""
    folders = [*root.resolve().parts[-1:], *PurePosixPath(name).parts[:-1]]
    return next((part for folder in reversed(folders) for part in OFFICIAL if part in folder.lower()), "")
