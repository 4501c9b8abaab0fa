"""The check of ACDC: each file of each patient is read, and compared with the others of the patient."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from acdc.analysis.protocols import STRUCTURES
from acdc.data.cine import cine_slices, read_cine
from acdc.data.info import Info, read_info
from acdc.data.patient_files import Patient, find_patients, refuse_incomplete
from acdc.data.short_axis import slice_spacing, to_slices
from reprise.data.exact_types import LARGEST, common_type, smallest_type
from reprise.data.findings import Checked, Findings
from reprise.data.nifti import Volume, read_volume
from reprise.data.nifti_grid import grid_difference
from reprise.data.voxel_digest import voxels_sha256
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import file_sha256

READERS = 4


class Facts(NamedTuple):
    """What the check keeps of one patient."""

    manifest: list[dict[str, Any]]
    cases: list[dict[str, Any]]  # ED and ES; none if the patient is left out
    findings: Findings


def check_dataset(root: str | Path) -> Checked:
    """Examine a whole data set, voxel by voxel.

    Returns:
        manifest: path (below root), bytes, sha256, case (the patient for Info.cfg and the cine), content (info | cine |
            image | labels); one row per file that is used.
        cases: one row per patient and phase; `acdc.data.conversion` describes the columns.
        findings: severity (note | excluded), file, where, finding.

    Raises:
        InputError: the folder has no patient, or problems; the message lists them all, one per line.
    """
    root = Path(root)
    findings = Findings()
    patients = find_patients(root, findings)
    with ThreadPoolExecutor(READERS) as pool:
        results = list(progress(pool.map(partial(_examined, root), patients), "patients checked", len(patients)))
    for facts in results:
        findings.add(facts.findings)
    rows = [row for facts in results for row in facts.cases]
    if not rows and not findings.problems:
        findings.refuse(".", "", "expected patients with labels, found none")
    findings.raise_problems(root)
    cases = _with_offsets(pd.DataFrame(rows))
    _note_structures(cases, findings)
    return Checked(pd.DataFrame([row for facts in results for row in facts.manifest]), cases, findings.table())


def _examined(root: Path, patient: Patient) -> Facts:
    """What the check keeps of one patient; problems are among its findings."""
    findings = Findings()
    try:
        info = read_info(root / patient.info)
        if patient.official == "testing" and not patient.labels:
            findings.exclude(patient.info, "", f"{patient.name} has no labels; older releases hide those for testing")
            return Facts([], [], findings)
        findings.problems += refuse_incomplete(patient, info)
        if findings.problems:
            return Facts([], [], findings)
        return _compared(root, patient, info, findings)
    except InputError as error:
        findings.problems.append(str(error).removeprefix(f"{root}/"))
    except OSError as error:
        findings.refuse(patient.name, "", f"{error.filename}: {error.strerror}")
    return Facts([], [], findings)


def _compared(root: Path, patient: Patient, info: Info, findings: Findings) -> Facts:
    """Read all files of a patient and compare them."""
    images = {phase: read_volume(root / patient.images[frame]) for phase, frame in info.frames.items()}
    labels = {phase: read_volume(root / patient.labels[frame]) for phase, frame in info.frames.items()}
    first = images["ED"]
    for phase, frame in info.frames.items():
        name = patient.images[frame]
        _refuse_other_grid(patient.images[info.frames["ED"]], first, name, images[phase], findings)
        _refuse_other_grid(name, images[phase], patient.labels[frame], labels[phase], findings)
        _refuse_bad_labels(patient.labels[frame], labels[phase].voxels, findings)
        _refuse_bad_image(name, images[phase], findings)
        for volume, path in ((images[phase], name), (labels[phase], patient.labels[frame])):
            if volume.oddity:
                findings.note(path, "", volume.oddity)
    for number in sorted({*patient.images, *patient.labels} - {*info.frames.values()}):
        name = patient.images.get(number) or patient.labels[number]
        findings.note(name, "", f"frame {number} is neither ED nor ES, so not read")
    if findings.problems:
        return Facts([], [], findings)
    types = [_type_of(volume.voxels) for volume in images.values()]
    frames = 0
    if patient.cine:
        frames, dtype = _checked_cine(root, patient, info, images, findings)
        types.append(dtype)
    else:
        findings.note(patient.info, "", f"{patient.name} has no cine (4-D file)")
    shared = {
        "official": patient.official,
        "group": info.group,
        "dtype": common_type(types).name,
        "cine_frames": frames,
    }
    rows = [_case(patient, phase, info.frames[phase], images[phase], labels[phase].voxels) | shared for phase in images]
    return Facts(_manifest(root, patient, info), rows, findings)


def _refuse_other_grid(name: str, volume: Volume, other_name: str, other: Volume, findings: Findings) -> None:
    found = grid_difference(volume.voxels.shape, volume.affine, other.voxels.shape, other.affine)
    if not found and volume.orientation != other.orientation:
        found = f"axes stored as {other.orientation}, not {volume.orientation}"
    if found:
        findings.refuse(other_name, "", f"expected the grid of {name}, found {found}")


def _refuse_bad_labels(name: str, voxels: np.ndarray, findings: Findings) -> None:
    wrong = ~np.isin(voxels, (0, *STRUCTURES.values()))
    if wrong.any():
        findings.refuse(name, "", f"expected labels 0 to {len(STRUCTURES)}, found {voxels[wrong][0]:.9g}")


def _refuse_bad_image(name: str, volume: Volume, findings: Findings) -> None:
    low, high = float(volume.voxels.min()), float(volume.voxels.max())
    if low == high:
        findings.refuse(name, "", "every voxel has the same value")
    if max(-low, high) > LARGEST:
        findings.refuse(name, "", f"values up to {max(-low, high):.3g}, which no 32-bit number holds")


def _type_of(voxels: np.ndarray) -> str:
    return smallest_type(voxels, float(voxels.min()), float(voxels.max()))


def _checked_cine(
    root: Path, patient: Patient, info: Info, images: dict[str, Volume], findings: Findings
) -> tuple[int, str]:
    """The number of frames of the cine and the smallest type that holds it, once it fits the frames' files.

    Raises:
        InputError: the cine is not readable.
    """
    voxels = read_cine(root / patient.cine)
    frames = voxels.shape[3]
    slices = cine_slices(voxels, images["ED"].orientation)
    low, high = float(voxels.min()), float(voxels.max())
    if max(-low, high) > LARGEST:
        findings.refuse(patient.cine, "", f"values up to {max(-low, high):.3g}, which no 32-bit number holds")
    for phase, frame in info.frames.items():
        wanted = to_slices(images[phase].voxels, images[phase].orientation)
        if frame > frames:
            findings.refuse(patient.info, "", f"expected frames from 1 to {frames}, found {phase} {frame}")
        elif slices.shape[1:] != wanted.shape:
            shown = ["x".join(map(str, shape[::-1])) for shape in (wanted.shape, slices.shape[1:])]
            findings.refuse(
                patient.cine, "", f"expected frames of {shown[0]}, as in {patient.images[frame]}; found {shown[1]}"
            )
        elif not _same(slices[frame - 1], wanted):
            same = [number + 1 for number in range(frames) if _same(slices[number], wanted)]
            hint = f"; it is frame {same[0]}" if same else ""
            findings.refuse(
                patient.images[frame], "", f"expected frame {frame} of {patient.cine}, found another image{hint}"
            )
    if info.total not in (0, frames):
        findings.note(patient.info, "", f"NbFrame is {info.total}, but the cine has {frames} frames")
    return frames, smallest_type(voxels, low, high)


def _same(slices: np.ndarray, other: np.ndarray) -> bool:
    """Whether two images are the same in the precision of the store."""
    return np.array_equal(slices.astype(np.float32), other.astype(np.float32))


def _case(patient: Patient, phase: str, frame: int, image: Volume, labels: np.ndarray) -> dict[str, Any]:
    """A row of the table of cases, without what is the patient's, and offsets."""
    slices, height, width = to_slices(image.voxels, image.orientation).shape
    spacing = np.round(slice_spacing(image.spacing_mm, image.orientation), 6).tolist()
    row = {"case": f"{patient.name}-{phase}", "patient": patient.name, "phase": phase, "frame": frame}
    row |= {"slices": slices, "height": height, "width": width}
    row |= dict(zip(("slice_mm", "row_mm", "column_mm"), spacing, strict=True)) | {"orientation": image.orientation}
    row |= {f"{name}_voxels": int(np.count_nonzero(labels == label)) for name, label in STRUCTURES.items()}
    return row | {"sha256": voxels_sha256(image.voxels)}


def _manifest(root: Path, patient: Patient, info: Info) -> list[dict[str, Any]]:
    used = [(patient.info, patient.name, "info")] + [(patient.cine, patient.name, "cine")] * bool(patient.cine)
    for phase, frame in info.frames.items():
        case = f"{patient.name}-{phase}"
        used += [(patient.images[frame], case, "image"), (patient.labels[frame], case, "labels")]
    return [
        {"path": name, "bytes": (root / name).stat().st_size, "sha256": file_sha256(root / name)}
        | {"case": case, "content": content}
        for name, case, content in used
    ]


def _with_offsets(cases: pd.DataFrame) -> pd.DataFrame:
    """The table of cases with the columns that point into the arrays."""
    voxels = cases["slices"] * cases["height"] * cases["width"]
    cine = (voxels * cases["cine_frames"]).where(cases["phase"] == "ED", 0)
    places = {"offset": voxels.cumsum() - voxels, "first_slice": cases["slices"].cumsum() - cases["slices"]}
    cases = cases.assign(**places, cine_offset=(cine.cumsum() - cine).groupby(cases["patient"]).transform("first"))
    first = ["case", "patient", "phase", "frame", "official", "group", "offset", "first_slice"]
    return cases[first + [name for name in cases if name not in first]]


def _note_structures(cases: pd.DataFrame, findings: Findings) -> None:
    """Findings about structures without a label: in the whole data set, or in a frame of it."""
    there = [name for name in STRUCTURES if cases[f"{name}_voxels"].any()]
    if absent := [name for name in STRUCTURES if name not in there]:
        findings.note(
            ".", "", f"no voxel of {', '.join(absent)} in the whole data set, so only {', '.join(there)} counts"
        )
    for case in cases.to_dict("records"):
        if empty := [name for name in there if not case[f"{name}_voxels"]]:
            findings.note(case["case"], "", f"no voxel of {', '.join(empty)}")
