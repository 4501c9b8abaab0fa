"""The files of ACDC's patients, recognised by their names.

As released: `{training,testing}/patientNNN/` with `Info.cfg`, the cine `patientNNN_4d.nii.gz`, and for end-diastole and
end-systole `patientNNN_frameFF.nii.gz` with its labels `patientNNN_frameFF_gt.nii.gz`. Found are also files in folders
above or below, files that are not packed, and patients without the folders training and testing.
"""

import gzip
import re
import zlib
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from acdc.data.info import Info
from reprise.data.findings import Findings
from reprise.data.listed_files import listed_files, note_others
from reprise.engine.folders import one_line
from reprise.step.errors import InputError

FOLDER = re.compile(r"patient\d{1,4}")
FILE = re.compile(r"(?P<patient>patient\d{1,4})_(?:(?P<cine>4d)|frame(?P<frame>\d{1,4})(?P<labels>_gt)?)\.nii(\.gz)?")
INFO, CITATION = "Info.cfg", "MANDATORY_CITATION.md"
OFFICIAL = ("training", "testing")
LAST = {"training": 100, "testing": 150}  # the number of the last patient, as released
PIECE_BYTES = 2**20


class Patient(NamedTuple):
    """One patient, and the paths of its files below the root."""

    name: str
    official: str  # training | testing
    info: str
    cine: str  # "" if there is none
    images: dict[int, str]  # by frame
    labels: dict[int, str]


def find_patients(root: Path, findings: Findings) -> list[Patient]:
    """The patients below a folder, in the order of their numbers; what is odd or left over goes to the findings.

    Raises:
        InputError: there is no such folder, or no patient in it.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    found: dict[str, list[str]] = defaultdict(list)
    others: list[str] = []
    for name in listed_files(root, findings):
        patient = _patient_of(PurePosixPath(name))
        (found[patient] if patient else others).append(name)
    if not found:
        shown = ", ".join(map(one_line, others[:5])) or "nothing"
        raise InputError(f"{root}: expected training/patient001/{INFO} and the like in it; found {shown}")
    note_others(others, {CITATION: "citation of the data set"}, findings)
    _note_folders(root, [name for names in found.values() for name in names], findings)
    patients = [_collected(root, patient, names, findings) for patient, names in found.items()]
    return sorted((patient for patient in patients if patient), key=lambda each: (_number(each.name), each.name))


def refuse_incomplete(patient: Patient, info: Info) -> list[str]:
    """The problems with the frames that `Info.cfg` names: those without a file, and labels that lack."""
    problems = []
    for phase, frame in info.frames.items():
        for files, what in ((patient.images, ""), (patient.labels, "_gt")):
            if frame not in files:
                there = ", ".join(str(number) for number in sorted(files)) or "none"
                problems.append(
                    f"{patient.info}: expected the file {patient.name}_frame{frame:02}{what}.nii.gz for {phase}; "
                    f"found frames {there}"
                )
    return problems


def _patient_of(path: PurePosixPath) -> str:
    """The patient to whom a file belongs, "" if it is no file of ACDC's."""
    if match := FILE.fullmatch(path.name):
        return match["patient"]
    folder = next((part for part in reversed(path.parts[:-1]) if FOLDER.fullmatch(part)), "")
    return folder if path.name == INFO else ""


def _note_folders(root: Path, names: list[str], findings: Findings) -> None:
    """Findings about folders that are not where they are released."""
    above, deeper = set(), 0
    for name in names:
        folders = PurePosixPath(name).parts[:-1]
        places = [place for place, part in enumerate(folders) if FOLDER.fullmatch(part)]
        above.add("/".join(folders[: places[0]] if places else folders))
        deeper += bool(places) and len(folders) > places[0] + 1
    for folder in sorted(above - {*OFFICIAL}):
        findings.note(one_line(folder or "."), "", f"patients lie in {folder or root.name}, not in training or testing")
    if deeper:
        findings.note(".", "", f"{deeper} files lie in folders below that of their patient")


def _collected(root: Path, patient: str, names: list[str], findings: Findings) -> Patient | None:
    """The files of one patient; None if a problem was added to the findings."""
    officials = {_official(root, name) for name in names}
    if len(officials) > 1 or "" in officials:
        where = " and ".join(sorted(officials - {""})) or "neither training nor testing"
        findings.refuse(patient, "", f"expected in one of the folders training and testing, found in {where}")
        return None
    before = len(findings.problems)
    files: dict[tuple[str, int], str] = {}
    for name in names:
        match = FILE.fullmatch(PurePosixPath(name).name)
        key = ("info", 0) if not match else ("cine", 0) if match["cine"] else _frame_key(match)
        other = files.setdefault(key, name)
        if other != name:
            files[key] = _one_of(root, other, name, findings)
    if ("info", 0) not in files:
        findings.refuse(patient, "", _without_info(patient, PurePosixPath(names[0])))
    if len(findings.problems) > before:
        return None
    frames = {
        kind: {number: name for (of, number), name in files.items() if of == kind} for kind in ("image", "labels")
    }
    return Patient(patient, officials.pop(), files["info", 0], files.get(("cine", 0), ""), *frames.values())


def _without_info(patient: str, file: PurePosixPath) -> str:
    """What is wrong with a patient whose `Info.cfg` was not found: its folder tells whose such a file is."""
    if any(FOLDER.fullmatch(part) for part in file.parts[:-1]):
        return f"expected {INFO} beside {file}, found none"
    return f"expected its files and {INFO} in a folder {patient}, found them in {one_line(str(file.parent))}"


def _frame_key(match: re.Match[str]) -> tuple[str, int]:
    return "labels" if match["labels"] else "image", int(match["frame"])


def _official(root: Path, name: str) -> str:
    """The part of the data set to which a file belongs: by its folder, that of all, or else the patient's number."""
    folders = [*root.resolve().parts[-1:], *PurePosixPath(name).parts[:-1]]
    by_folder = next((part for part in reversed(folders) if part in OFFICIAL), "")
    number = _number(_patient_of(PurePosixPath(name)))
    return by_folder or next((part for part, last in LAST.items() if 1 <= number <= last), "")


def _number(patient: str) -> int:
    return int(re.sub(r"\D", "", patient) or 0)


def _one_of(root: Path, first: str, second: str, findings: Findings) -> str:
    """Which of two files of the same kind is read; a problem if they are not the same, packed and unpacked."""
    packed, plain = sorted((first, second), key=lambda name: not name.endswith(".gz"))
    if not packed.endswith(".gz") or plain.endswith(".gz") or not _same_content(root / packed, root / plain):
        findings.refuse(second, "", f"another file than {first}, but of the same patient and kind; one is too many")
    else:
        findings.note(plain, "", f"the same as {packed}, which is read")
    return packed


def _same_content(packed: Path, plain: Path) -> bool:
    """Whether a .gz file holds exactly what the other one is."""
    try:
        with gzip.open(packed) as left, plain.open("rb") as right:
            while piece := right.read(PIECE_BYTES):
                if left.read(PIECE_BYTES) != piece:
                    return False
            return not left.read(1)
    except (OSError, EOFError, zlib.error):
        return False
