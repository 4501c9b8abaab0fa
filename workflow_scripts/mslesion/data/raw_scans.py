"""The check of multiple-sclerosis scans with masks of their lesions, in any of the layouts of `layouts`."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from mslesion.data.layouts import MASKS, Scan, find_scans
from mslesion.data.scan_volume import read_content
from reprise.data.exact_types import LARGEST, smallest_type
from reprise.data.findings import Checked, Findings
from reprise.data.nifti import volume_files
from reprise.data.nifti_grid import grid_difference
from reprise.data.voxel_digest import voxels_sha256
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import file_sha256

READERS = 4


class Facts(NamedTuple):
    """What the check keeps of one volume."""

    paths: list[tuple[str, int, str]]  # file below the root, bytes, sha256
    shape: tuple[int, ...]  # canonical, like the affine
    affine: np.ndarray
    spacing_mm: tuple[float, float, float]
    orientation: str
    stated: bool
    dtype: str  # the smallest of `EXACT` that holds every value
    constant: bool
    lesion_voxels: int
    digest: str  # of the voxels
    oddity: str  # what in the header contradicts itself


def check_dataset(root: str | Path) -> Checked:
    """Examine a whole data set, voxel by voxel.

    Returns:
        manifest: path (below root), bytes, sha256, case, content (flair, t1, t1ks, t2, pd, mask1, mask2), shape
            (canonical), spacing_mm, orientation (of the stored axes); one row per file that is used.
        cases: one row per scan; `mslesion.data.conversion` describes the columns.
        findings: severity (note | excluded), file, where, finding.

    Raises:
        InputError: the folder has no known layout, or problems; the message lists them all, one per line.
    """
    root = Path(root)
    findings = Findings()
    layout, scans = find_scans(root, findings)
    tasks = [(scan, content) for scan in scans for content, files in scan.files.items() if files]
    with ThreadPoolExecutor(READERS) as pool:
        examined = pool.map(lambda task: _examined(root, task[0].files[task[1]], task[1]), tasks)
        results = list(progress(examined, "volumes checked", len(tasks)))
    facts: dict[str, dict[str, Facts]] = {scan.case: {} for scan in scans}
    for (scan, content), result in zip(tasks, results, strict=True):
        if isinstance(result, Facts):
            facts[scan.case][content] = result
        else:
            findings.problems.append(result.removeprefix(f"{root}/"))
    for scan in scans:
        _compare(scan, facts[scan.case], findings)
    findings.raise_problems(root)
    findings.note(".", "", f"read as {layout}: {len(scans)} scans of {len({scan.patient for scan in scans})} patients")
    manifest = pd.DataFrame([row for scan in scans for row in _manifest_rows(scan, facts[scan.case])])
    return Checked(manifest, _cases(scans, facts), findings.table())


def _examined(root: Path, files: Sequence[str], content: str) -> Facts | str:
    """What the check keeps of one volume, or the problem with it."""
    try:
        volume = read_content(root, files, content)
        paths = [path for name in files for path in _files_of(root, name)]
        hashed = [(path.relative_to(root).as_posix(), path.stat().st_size, file_sha256(path)) for path in paths]
    except InputError as error:
        return str(error)
    except OSError as error:
        return f"{files[0]}: {error.strerror}"
    voxels = volume.voxels
    lesions = int(np.count_nonzero(voxels)) if content in MASKS else 0
    low, high = float(voxels.min()), float(voxels.max())
    if max(-low, high) > LARGEST:
        return f"{files[0]}: values up to {max(-low, high):.3g}, which no 32-bit number holds"
    return Facts(
        hashed,
        voxels.shape,
        *volume[1:5],
        smallest_type(voxels, low, high),
        low == high,
        lesions,
        voxels_sha256(voxels),
        volume.oddity,
    )


def _files_of(root: Path, name: str) -> list[Path]:
    if name.endswith(".png"):
        return [root / name]
    return list(dict.fromkeys(volume_files(root / name)))


def _compare(scan: Scan, facts: dict[str, Facts], findings: Findings) -> None:
    """Refuse what does not lie on the FLAIR's grid, and note what is unusual in a scan."""
    if "flair" not in facts:
        return
    flair = facts["flair"]
    name = flair.paths[0][0]
    for content, other in facts.items():
        if other.oddity:
            findings.note(other.paths[0][0], "", other.oddity)
        found = grid_difference(flair.shape, flair.affine, other.shape, other.affine)
        if found:
            if found.startswith("affine") and other.stated != flair.stated:
                found += f" ({(flair if other.stated else other).paths[0][0]} states no orientation)"
            findings.refuse(other.paths[0][0], "", f"expected the grid of {name}, found {found}")
        elif other.orientation != flair.orientation:
            findings.note(other.paths[0][0], "", f"stored as {other.orientation}, the FLAIR as {flair.orientation}")
        if content in MASKS and not other.lesion_voxels:
            findings.note(other.paths[0][0], "", "no voxel is lesion")
        if content not in MASKS and other.constant:
            findings.refuse(other.paths[0][0], "", "every voxel has the same value")
    if not flair.stated and not name.endswith(".png"):
        findings.note(name, "", f"states no orientation (qform and sform absent); taken as {flair.orientation}")


def _manifest_rows(scan: Scan, facts: dict[str, Facts]) -> list[dict[str, object]]:
    return [
        {
            **dict(zip(("path", "bytes", "sha256"), path, strict=True)),
            "case": scan.case,
            "content": content,
            "shape": "x".join(map(str, fact.shape)),
            "spacing_mm": "x".join(f"{spacing:.6g}" for spacing in fact.spacing_mm),
            "orientation": fact.orientation,
        }
        for content, fact in facts.items()
        for path in fact.paths
    ]


def _cases(scans: list[Scan], facts: dict[str, dict[str, Facts]]) -> pd.DataFrame:
    """The table of cases; see `mslesion.data.conversion`."""
    rows = []
    for scan in scans:
        flair = facts[scan.case]["flair"]
        width, height, slices = flair.shape
        row = {"case": scan.case, "patient": scan.patient, "timepoint": scan.timepoint}
        row |= {"slices": slices, "height": height, "width": width}
        row |= dict(zip(("column_mm", "row_mm", "slice_mm"), np.round(flair.spacing_mm, 6).tolist(), strict=True))
        row |= {"orientation": flair.orientation, "dtype": flair.dtype, "fold": scan.fold}
        row |= {
            f"lesion_voxels_{mask[-1]}": facts[scan.case][mask].lesion_voxels for mask in MASKS if mask in scan.files
        }
        rows.append(row | {"sha256": flair.digest})
    cases = pd.DataFrame(rows)
    voxels = cases["slices"] * cases["height"] * cases["width"]
    cases.insert(3, "offset", voxels.cumsum() - voxels)
    cases.insert(4, "first_slice", cases["slices"].cumsum() - cases["slices"])
    return cases
