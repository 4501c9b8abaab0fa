"""The layouts of multiple-sclerosis data sets, recognised from the names of their files.

Below the folder, at any depth:

- ISBI 2015 as released: `trainingNN/preprocessed/trainingNN_TT_{flair,mprage,pd,t2}_pp.nii` and
  `trainingNN/masks/trainingNN_TT_mask{1,2}.nii`.
- Image tree: `{train,val}K/P1_T1/*flair_pp*.png` and `{train,val}Kannot/P1_T1/*mask1*.png`; K is a fold, or nothing.
  Its folds are used if they divide whole scans; else a finding says why not.
- open_ms_data in MNI space: `patientNN/{FLAIR,T1,T1KS,T1POST,T2}_*.nii.gz` and `patientNN/GOLD_STANDARD_*.nii.gz`.
- MSLesSeg: `P1/T1/P1_T1_{FLAIR,T1,T2,MASK}.nii.gz`, and for its test patients `P54/P54_{FLAIR,T1,T2,MASK}.nii.gz`.

A volume may also be a pair of files, `.hdr` and `.img`; it is then listed by the header's name.
"""

import filecmp
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from reprise.data.findings import Findings
from reprise.data.nifti import ENDINGS
from reprise.engine.folders import UNPRINTABLE, files_below, one_line
from reprise.step.errors import InputError

VOLUME = r"\.(?:nii|hdr|img)(?:\.gz)?"
PATTERNS = {
    "ISBI 2015": r"(?P<patient>training\d+)/(?:preprocessed|masks)/(?P=patient)_(?P<time>\d+)"
    r"_(?P<content>flair(?=_pp)|mprage(?=_pp)|pd(?=_pp)|t2(?=_pp)|mask1|mask2)(?:_pp)?" + VOLUME,
    "image tree": r"(?P<part>train|val)(?P<fold>\d*)(?P<annot>annot)?/(?P<patient>P\d+)_T(?P<time>\d+)/"
    r"(?P<slice>[^/]+)\.png",
    "open_ms_data": r"(?P<patient>patient\d+)/(?P<content>FLAIR|T1KS|T1POST|T1|T2|GOLD_STANDARD)_[^/]*" + VOLUME,
    "MSLesSeg": r"(?P<patient>P\d+)/(?:T(?P<time>\d+)/(?P=patient)_T(?P=time)|(?P=patient))"
    r"_(?P<content>FLAIR|T1|T2|MASK)" + VOLUME,
}
CONTENTS = {
    "mprage": "t1",
    "t1post": "t1ks",
    "gold_standard": "mask1",
    "mask": "mask1",
}  # other names of the same content
MASKS = ("mask1", "mask2")
IMAGES = (*ENDINGS, ".png")
OTHER_ORDER = (
    "its slices are in the order of their numbers; the published code sorts their names as text, in which 10 comes "
    "before 2, so there they have other neighbours"
)
Folders = dict[tuple[str, int], set[str]]  # the names of a scan's slices in each folder, (train or val, fold)
Files = dict[str, tuple[str, ...]]  # by content: flair, t1, t1ks, t2, pd, mask1, mask2


class Scan(NamedTuple):
    """One scan and its files (below the root) by content: one volume each, or the slices in order."""

    case: str
    patient: str
    timepoint: int
    files: Files
    fold: int  # the fold of an image tree that validates on it; 0: there are no folds of whole scans


class Layout(NamedTuple):
    """The layout of a folder, and its scans in the order of patients and time points."""

    name: str
    scans: list[Scan]


def find_scans(root: Path, findings: Findings) -> Layout:
    """Recognise the layout of a folder and list its scans; what is wrong or left over goes to the findings.

    Raises:
        InputError: there is no such folder, or its files are of no known layout, or of more than one.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    names = _names(root, findings)
    matches = {layout: _matches(pattern, names) for layout, pattern in PATTERNS.items()}
    found = [layout for layout, matched in matches.items() if matched]
    if len(found) != 1:
        findings.raise_problems(root)
        what = f"files of {' and '.join(found)}" if found else ", ".join(map(one_line, names[:5])) or "nothing"
        raise InputError(f"{root}: expected the files of one of {', '.join(PATTERNS)} in it; found {what}")
    (layout,) = found
    left = [name for name in names if name.endswith(IMAGES) and name not in matches[layout]]
    for folder, count in _count_by_folder(left).items():
        findings.exclude(one_line(folder), "", f"{count} image files that are not of {layout}'s, so not read")
    odd = [name for name in matches[layout] if UNPRINTABLE.search(name)]
    for folder, count in _count_by_folder(odd).items():
        findings.refuse(one_line(folder), "", f"expected paths of printable characters, found {count} of others")
    for name in odd:
        del matches[layout][name]
    scans = _slices(root, matches[layout], findings) if layout == "image tree" else _volumes(matches[layout], findings)
    return Layout(layout, sorted(scans, key=lambda scan: (_number(scan.patient), scan.patient, scan.timepoint)))


def _names(root: Path, findings: Findings) -> list[str]:
    """Files below the root; a pair of header and voxels is listed by its header alone."""
    unreadable: dict[Path, str] = {}
    files = files_below(root, lambda folder, why: unreadable.update({folder: why}))
    for folder, why in unreadable.items():
        note = findings.refuse if folder == root else findings.exclude
        note(one_line(f"{folder.relative_to(root)}"), "", f"cannot be listed ({why}), so nothing in it is read")
    names = [path.relative_to(root).as_posix() for path in files]
    headers = {name for name in names if name.endswith((".hdr", ".hdr.gz"))}
    return [name for name in names if re.sub(r"\.img(?=(\.gz)?$)", ".hdr", name) not in headers - {name}]


def _matches(pattern: str, names: list[str]) -> dict[str, re.Match[str]]:
    compiled = re.compile(rf"(?s:.*/)?{pattern}")
    return {name: match for name in names if (match := compiled.fullmatch(name))}


def _count_by_folder(names: list[str]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for name in names:
        counts[PurePosixPath(name).parent.as_posix()] += 1
    return counts


def _number(name: str) -> int:
    return int(re.sub(r"\D", "", name) or 0)


def _volumes(matches: dict[str, re.Match[str]], findings: Findings) -> list[Scan]:
    """Scans of a layout with one file per modality."""
    found: dict[tuple[str, str], Files] = defaultdict(dict)
    for name, match in matches.items():
        content = match["content"].lower()
        content = CONTENTS.get(content, content)
        files = found[match["patient"], match.groupdict().get("time") or ""]
        if content in files:
            findings.refuse(name, "", f"the same content as {files[content][0]}; one of them is too many")
        files[content] = (name,)
    scans = []
    for (patient, time), files in found.items():
        case = _case(patient, time)
        for content in (content for content in ("flair", "mask1") if content not in files):
            found_file = next(iter(files.values()))[0]
            findings.refuse(
                case, "", f"expected a {'FLAIR' if content == 'flair' else 'mask'} beside {found_file}, found none"
            )
        scans.append(Scan(case, patient, int(time or 1), files, 0))
    twice = [scan.case for scan in scans if "mask2" in scan.files]
    for scan in scans:
        if twice and "mask1" in scan.files and "mask2" not in scan.files:
            findings.refuse(scan.case, "", f"expected masks of as many raters as {twice[0]} has")
    return scans


def _case(patient: str, time: str) -> str:
    """The name that the layout itself gives a scan: training01_02, P1_T2, patient07."""
    separator = "_T" if patient.startswith("P") else "_"
    return f"{patient}{separator}{time}" if time else patient


def _slices(root: Path, matches: dict[str, re.Match[str]], findings: Findings) -> list[Scan]:
    """Scans of the image tree, each with its slices from all folders; a slice in several is read from the first."""
    images: dict[str, dict[str, str]] = defaultdict(dict)
    masks: dict[str, dict[str, str]] = defaultdict(dict)
    folders: dict[str, Folders] = defaultdict(lambda: defaultdict(set))
    for name, match in sorted(matches.items()):
        case = _case(match["patient"], match["time"])
        first = (masks if match["annot"] else images)[case].setdefault(match["slice"], name)
        if first != name and (problem := _difference(root / first, root / name)):
            findings.refuse(name, "", f"expected the same slice as {first}, found {problem}")
        inside = folders[case][match["part"], int(match["fold"] or 1)]
        inside.update([] if match["annot"] else [match["slice"]])
    folds = _tree_folds(folders, findings)
    scans = []
    for case in folders:
        patient, time = case.split("_T")
        scans.append(Scan(case, patient, int(time), _paired(images[case], masks[case], case, findings), folds[case]))
    return scans


def _difference(path: Path, other: Path) -> str:
    """Why two files are not the same, "" if they are."""
    try:
        return "" if filecmp.cmp(path, other, shallow=False) else "other content"
    except OSError as error:
        return f"an error ({error.strerror})"


def _tree_folds(folders: Mapping[str, Folders], findings: Findings) -> dict[str, int]:
    """The fold that validates on each scan; 0 for all scans if the tree's folders are no folds of whole scans.

    Args:
        folders: of each scan.
        findings: gets the reason why there are no folds.
    """
    every = {fold for parts in folders.values() for _, fold in parts}
    folds, wrong = dict.fromkeys(folders, 0), []
    for case, parts in folders.items():
        val, train = ({fold for name, fold in parts if name == part} for part in ("val", "train"))
        folds[case] = min(val, default=0)
        if len(val) != 1 or train != every - val or len(set(map(frozenset, parts.values()))) > 1:
            wrong.append(case)
    if not wrong:
        return folds
    found = ", ".join(f"{part}{fold} ({len(slices)} slices)" for (part, fold), slices in folders[wrong[0]].items())
    expected = "each scan with all its slices in one val folder and in the train folders of all other folds"
    what = f"found {wrong[0]} in {found}; this concerns {len(wrong)} of {len(folders)} scans"
    findings.note(".", "", f"the tree's folds are not used, scans are dealt out in turn: expected {expected}, {what}")
    return dict.fromkeys(folders, 0)


def _paired(images: dict[str, str], masks: dict[str, str], case: str, findings: Findings) -> Files:
    """Slices by number, each with its mask: the same name with mask1 for flair_pp."""
    wanted = {slice_name: slice_name.replace("flair_pp", "mask1") for slice_name in images if "flair_pp" in slice_name}
    missing = [name for name, mask in wanted.items() if mask not in masks]
    numbers = {name: _last_number(name) for name in wanted}
    if not wanted or missing:
        what = f"{len(missing)} slices have none, such as {missing[0]}.png" if missing else "found no slices"
        findings.refuse(case, "", f"expected slices *flair_pp*.png, each with its mask *mask1*.png; {what}")
    if len(set(numbers.values())) < len(numbers):
        findings.refuse(case, "", "expected a different number at the end of each slice's name")
    order = sorted(set(wanted) - set(missing), key=lambda name: (numbers[name], name))
    if order != sorted(order):
        findings.note(case, "", OTHER_ORDER)
    return {"flair": tuple(images[name] for name in order), "mask1": tuple(masks[wanted[name]] for name in order)}


def _last_number(name: str) -> int:
    digits = re.findall(r"\d+", name)
    return int(digits[-1]) if digits else -1
