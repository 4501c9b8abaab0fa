"""The check of iSeg-2017: each file of each subject is read, and compared with the others of the subject."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from iseg.analysis.protocols import TISSUES
from iseg.data.conversion import FILE_LABELS
from iseg.data.image_checks import brains_apart, grids_apart, image_problem, length_problem, other_origin
from iseg.data.subject_files import IMAGES, LABEL, Subject, find_subjects
from reprise.data.exact_types import common_type, smallest_type
from reprise.data.findings import Checked, Findings
from reprise.data.nifti import Volume, half_of, read_volume
from reprise.data.voxel_digest import voxels_sha256
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import file_sha256

READERS = 4
SPACINGS_DIFFER = 1.1  # the largest spacing of the subjects over the smallest


class Facts(NamedTuple):
    """What the check keeps of one subject."""

    manifest: list[dict[str, Any]]
    case: dict[str, Any]  # empty if there are problems, and so are the digests
    digests: dict[str, str]  # of the voxels of each file, by its path below the root
    findings: Findings


def check_dataset(root: str | Path) -> Checked:
    """Examine a whole data set, voxel by voxel.

    Returns:
        manifest: path (below root), bytes, sha256, case, content (T1 | T2 | label); one row per file, so that a pair of
            header and voxels has two.
        cases: one row per subject; `iseg.data.conversion` describes the columns.
        findings: severity (note | excluded), file, where, finding.

    Raises:
        InputError: the folder has no subject, or problems; the message lists them all, one per line.
    """
    root = Path(root)
    findings = Findings()
    subjects = find_subjects(root, findings)
    with ThreadPoolExecutor(READERS) as pool:
        results = list(progress(pool.map(partial(_examined, root), subjects), "subjects checked", len(subjects)))
    for facts in results:
        findings.add(facts.findings)
    findings.raise_problems(root)
    cases = _with_offsets(pd.DataFrame([facts.case for facts in results]))
    manifest = pd.DataFrame([row for facts in results for row in facts.manifest])
    _refuse_copies(results, findings)
    _compare_subjects(cases, findings)
    findings.raise_problems(root)
    return Checked(manifest, cases, findings.table())


def _examined(root: Path, subject: Subject) -> Facts:
    """What the check keeps of one subject; problems are among its findings."""
    findings, manifest, case, digests = Findings(), [], {}, {}
    try:
        volumes = {content: read_volume(root / name) for content, name in subject.files.items()}
        _compare_files(root, subject, volumes, findings)
        if not findings.problems:
            manifest, case = _manifest(root, subject), _case(subject, volumes)
            digests = {name: voxels_sha256(volumes[content].voxels) for content, name in subject.files.items()}
            case["sha256"] = digests[subject.files["T1"]]
    except InputError as error:
        findings.problems.append(str(error).removeprefix(f"{root}/"))
    except OSError as error:
        findings.refuse(subject.name, "", f"{error.filename}: {error.strerror}")
    return Facts(manifest, case, digests, findings)


def _compare_files(root: Path, subject: Subject, volumes: dict[str, Volume], findings: Findings) -> None:
    """Problems and findings of one subject's files: their grid, their values, and where they are 0."""
    first, first_name = volumes["T1"], subject.files["T1"]
    for content, volume in volumes.items():
        name = subject.files[content]
        if problem := length_problem(root / name, volume):
            findings.refuse(half_of(Path(name), "img").as_posix(), "", problem)
        if volume.oddity:
            findings.note(name, "", volume.oddity)
        if found := grids_apart(first, volume):
            findings.refuse(name, "", f"expected the grid of {first_name}, found {found}")
            continue
        if other_origin(first, volume):
            findings.note(
                name, "", f"another origin than {first_name}; voxels of the same index are taken as one place"
            )
        if content == LABEL:
            _refuse_bad_labels(name, volume.voxels, findings)
        elif problem := image_problem(volume.voxels):
            findings.refuse(name, "", problem)
        elif (low := float(volume.voxels.min())) < 0:
            findings.note(name, "", f"values below 0, down to {low:.9g}")
    if not findings.problems:
        _compare_brains(subject, volumes, findings)


def _refuse_bad_labels(name: str, voxels: np.ndarray, findings: Findings) -> None:
    wrong = ~np.isin(voxels, FILE_LABELS)
    if wrong.any():
        expected = ", ".join(map(str, FILE_LABELS))
        findings.refuse(name, "", f"expected labels {expected}, found {voxels[wrong][0]:.9g}")
    elif absent := [tissue for tissue, label in TISSUES.items() if not (voxels == FILE_LABELS[label]).any()]:
        findings.note(name, "", f"no voxel of {', '.join(absent)}")


def _compare_brains(subject: Subject, volumes: dict[str, Volume], findings: Findings) -> None:
    """Refuse or note files that are not 0 in other voxels than T1: all should show the same brain without its skull."""
    first = subject.files["T1"]
    for content in [content for content in volumes if content != "T1"]:
        name = subject.files[content]
        apart, problem = brains_apart(volumes["T1"].voxels, volumes[content].voxels)
        if np.array_equal(volumes["T1"].voxels, volumes[content].voxels):
            findings.refuse(name, "", f"the same voxels as {first}")
        elif problem:
            findings.refuse(name, "", f"expected the brain of {first}, without its skull; {problem}")
        elif apart:
            findings.note(name, "", f"{apart} voxels are 0 here and not in {first}, or the other way round")


def _case(subject: Subject, volumes: dict[str, Volume]) -> dict[str, Any]:
    """A row of the table of cases, without its offset and the hash."""
    first = volumes["T1"]
    types = [
        smallest_type(v.voxels, float(v.voxels.min()), float(v.voxels.max())) for v in map(volumes.get, IMAGES) if v
    ]
    row = {"case": subject.name, "subject": subject.number, "official": subject.official}
    row |= {"labelled": int(LABEL in volumes)}
    row |= dict(zip("xyz", first.voxels.shape, strict=True))
    row |= dict(zip(("x_mm", "y_mm", "z_mm"), np.round(first.spacing_mm, 6).tolist(), strict=True))
    row |= {"orientation": first.orientation, "stated": int(first.stated), "dtype": common_type(types).name}
    counts = dict.fromkeys(TISSUES, 0)
    if LABEL in volumes:
        voxels = volumes[LABEL].voxels
        counts = {tissue: int(np.count_nonzero(voxels == FILE_LABELS[label])) for tissue, label in TISSUES.items()}
    return row | {f"{tissue}_voxels": count for tissue, count in counts.items()}


def _manifest(root: Path, subject: Subject) -> list[dict[str, Any]]:
    """One row per file; of a pair, the header comes before the voxels."""
    return [
        {"path": path.relative_to(root).as_posix(), "bytes": path.stat().st_size, "sha256": file_sha256(path)}
        | {"case": subject.name, "content": content}
        for content, name in subject.files.items()
        for path in dict.fromkeys(half_of(root / name, half) for half in ("hdr", "img"))
    ]


def _with_offsets(cases: pd.DataFrame) -> pd.DataFrame:
    voxels = cases["x"] * cases["y"] * cases["z"]
    cases.insert(4, "offset", voxels.cumsum() - voxels)
    return cases


def _compare_subjects(cases: pd.DataFrame, findings: Findings) -> None:
    """Problems and findings of the whole data set."""
    if not cases["labelled"].any():
        findings.refuse(".", "", "expected subjects with labels, found none")
    stated = cases["stated"].astype(bool)
    if stated.any() and not stated.all():
        findings.refuse(
            ".",
            "",
            f"expected that all files state an orientation, or none; {cases['case'][stated].iloc[0]} does, "
            f"{cases['case'][~stated].iloc[0]} does not",
        )
    elif not stated.any():
        findings.note(".", "", "no file states an orientation; the axes are taken as they lie in the files")
    sizes = cases[["x_mm", "y_mm", "z_mm"]]
    if (sizes.max() > SPACINGS_DIFFER * sizes.min()).any():
        apart = " and ".join(f"{low:g} to {high:g}" for low, high in zip(sizes.min(), sizes.max(), strict=True))
        findings.note(
            ".", "", f"voxels differ between subjects: {apart} mm along x, y and z; networks see voxels, not mm"
        )


def _refuse_copies(subjects: Sequence[Facts], findings: Findings) -> None:
    """Refuse a T1, T2 or map of labels with the voxels of another one, whatever files hold them."""
    first: dict[str, str] = {}
    for facts in subjects:
        for name, digest in facts.digests.items():
            if (other := first.setdefault(digest, name)) != name:
                findings.refuse(name, "", f"the same voxels as {other}; one subject has one number")
