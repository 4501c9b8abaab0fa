"""The check of EchoNet-Dynamic on disk: `FileList.csv`, `VolumeTracings.csv` and `Videos/*.avi`."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from echonet.data.avi import Header, avi_header, read_video
from echonet.data.notes import note_cases, note_listing
from echonet.data.raw_tables import SPLITS, read_file_list, read_tracings
from echonet.data.tracings import ROWS, area, group_tracings, refuse_misplaced
from reprise.data.findings import Checked, Findings
from reprise.engine.folders import one_line
from reprise.step.command import progress, reading
from reprise.step.errors import InputError
from reprise.step.files import file_sha256, regular_size

PARTS = ("FileList.csv", "VolumeTracings.csv", "Videos")
SIZE = 112  # px, height and width of every frame that can be used
READERS = 8  # each holds a whole file
LARGEST_BYTES = 2**26  # of a video
MOST_FRAMES = 5000  # of a video
Tracings = dict[str, dict[int, np.ndarray]]


class File(NamedTuple):
    """One raw file: its path, its size, its hash, and the header if it is a sound video."""

    path: Path
    bytes: int
    sha256: str
    header: Header | None
    problem: str = ""


def check_dataset(root: str | Path) -> Checked:
    """Examine a whole data set. Videos that will be stored are decoded once, so that none is refused later.

    Returns:
        manifest: path (below root), bytes, sha256, frames, height, width, fps; one row per file that is used.
        cases: one row per video that can be stored: case, patient, split, offset and frames (rows of the stored
            frames), fps, ef (%), esv_ml, edv_ml, traced (row of the stored tracings, -1: not traced, so in no
            study), ed_frame (last traced in file order), es_frame (first), tracing_ok (both have 21 rows),
            order_ok (the ED tracing's area is not below the ES tracing's).
        findings: severity (note | excluded), file, where, finding.

    Raises:
        InputError: the folder is no such data set, or has problems; the message lists them all, one per line.
    """
    root = Path(root)
    lists, traces, folder = _parts(root)
    findings = Findings()
    listed = read_file_list(lists, findings)
    table = read_tracings(traces, findings)
    files = _examine_listed(lists.name, listed, folder, findings)
    headers = {case: file.header for case, file in files.items() if file.header}
    if len(listed):
        refuse_misplaced(traces.name, table, _sizes(listed, headers), findings)
    tracings = group_tracings(table)
    _refuse_odd_sizes(headers, tracings, folder.name, findings)
    findings.raise_problems(root)
    cases = _cases(listed, headers, tracings)
    _refuse_empty_splits(lists.name, cases, findings)
    findings.raise_problems(root)
    note_listing(lists.name, listed, headers, findings)
    note_cases(folder.name, traces.name, cases, headers, tracings, findings)
    manifest = _manifest(root, [*map(_examine_table, (lists, traces)), *files.values()])
    return Checked(manifest, cases, findings.table())


def _parts(root: Path) -> list[Path]:
    """Paths of the two tables and of the folder of videos; the letter case of their names does not matter."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    entries = sorted(root.iterdir(), reverse=True)  # the published spelling comes last, and wins
    found = {path.name.lower(): path for path in entries if path.is_dir() == (path.name.lower() == "videos")}
    if any(name.lower() not in found for name in PARTS):
        names = ", ".join(one_line(path.name) for path in entries[:10]) or "nothing"
        raise InputError(f"{root}: expected {', '.join(PARTS[:2])} and {PARTS[2]}/ in it, found {names}")
    return [found[name.lower()] for name in PARTS]


def _examine_listed(file: str, listed: pd.DataFrame, folder: Path, findings: Findings) -> dict[str, File]:
    """Each listed video that is there, by case, in the list's order; what is wrong goes to the findings."""
    videos = _find_videos(folder, findings)
    for row, case in listed["case"].items():
        if case not in videos:
            findings.refuse(file, f"row {row}", f"expected the video {folder.name}/{case}.avi, found no such file")
    known = set(listed["case"])
    for case in sorted(set(videos) - known):
        findings.exclude(f"{folder.name}/{one_line(videos[case].name)}", "", f"{file} does not name it")
    wanted = [case for case in listed["case"].drop_duplicates() if case in videos]
    with ThreadPoolExecutor(READERS) as pool:
        examined = pool.map(lambda case: _examine_video(videos[case]), wanted)
        files = dict(zip(wanted, progress(examined, "videos checked", len(wanted)), strict=True))
    findings.problems.extend(file.problem for file in files.values() if file.problem)
    return files


def _find_videos(folder: Path, findings: Findings) -> dict[str, Path]:
    videos: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() != ".avi" or path.name.startswith("."):
            continue
        if path.stem in videos:
            first = one_line(videos[path.stem].name)
            findings.refuse(f"{folder.name}/{one_line(path.name)}", "", f"the same name as {first}")
        videos[path.stem] = path
    return videos


def _examine_video(path: Path) -> File:
    name = f"{path.parent.name}/{path.name}"
    try:
        with reading(name, "no readable video"):
            size = regular_size(path)
            if size > LARGEST_BYTES:
                raise InputError(f"{name}: expected at most {LARGEST_BYTES >> 20} MB, found {size >> 20} MB")
            data = path.read_bytes()
            header = avi_header(data, name)
            if header.frames > MOST_FRAMES:
                raise InputError(f"{name}: expected at most {MOST_FRAMES} frames, found {header.frames}")
            if _fits(header):
                _refuse_other_pictures(path, name)
            return File(path, len(data), hashlib.sha256(data).hexdigest(), header)
    except InputError as error:
        return File(path, 0, "", None, str(error))


def _refuse_other_pictures(path: Path, name: str) -> None:
    """Raise InputError unless a video decodes to as many frames as it promises, of the size that can be stored."""
    try:
        height, width = read_video(path).frames.shape[1:3]
    except InputError as error:
        raise InputError(str(error).replace(str(path), name)) from error
    if (height, width) != (SIZE, SIZE):
        raise InputError(f"{name}: its header promises frames of {SIZE}x{SIZE}, they decode to {height}x{width}")


def _examine_table(path: Path) -> File:
    return File(path, path.stat().st_size, file_sha256(path), None)


def _sizes(listed: pd.DataFrame, headers: dict[str, Header]) -> pd.DataFrame:
    """Frames, height and width by case, NaN for a video that could not be examined."""
    sizes = pd.DataFrame.from_dict(headers, orient="index", columns=Header._fields)
    return sizes.astype(float).reindex(listed["case"].unique())


def _refuse_odd_sizes(headers: dict[str, Header], tracings: Tracings, folder: str, findings: Findings) -> None:
    for case, header in headers.items():
        if len(tracings.get(case, {})) > 1 and not _fits(header):
            found = f"{header.height}x{header.width}"
            findings.refuse(
                f"{folder}/{case}.avi", "", f"expected frames of {SIZE}x{SIZE}, as it is traced, found {found}"
            )


def _fits(header: Header) -> bool:
    return (header.height, header.width) == (SIZE, SIZE)


def _cases(listed: pd.DataFrame, headers: dict[str, Header], tracings: Tracings) -> pd.DataFrame:
    """The table of cases; see `check_dataset`."""
    stored = listed[[_fits(headers[case]) for case in listed["case"]]].reset_index(drop=True)
    cases = stored[["case", "split", "fps", "ef", "esv_ml", "edv_ml"]].copy()
    cases.insert(1, "patient", cases["case"])  # each patient has one video
    frames = pd.Series([headers[case].frames for case in cases["case"]], dtype=int)
    cases.insert(3, "offset", frames.cumsum() - frames)
    cases.insert(4, "frames", frames)
    traced = pd.DataFrame([_traced(tracings.get(case, {})) for case in cases["case"]], dtype=object)
    cases["traced"] = (traced["ed_frame"] >= 0).cumsum().where(traced["ed_frame"] >= 0, 0).astype(int) - 1
    return cases.assign(**traced.infer_objects())


def _traced(frames: dict[int, np.ndarray]) -> dict[str, int | bool]:
    """ED is the last frame in file order and ES the first; fewer than two traced frames count as none."""
    if len(frames) < 2:
        return {"ed_frame": -1, "es_frame": -1, "tracing_ok": False, "order_ok": False}
    es, *_, ed = frames
    return {
        "ed_frame": ed,
        "es_frame": es,
        "tracing_ok": len(frames[ed]) == ROWS and len(frames[es]) == ROWS,
        "order_ok": area(frames[ed]) >= area(frames[es]),
    }


def _refuse_empty_splits(file: str, cases: pd.DataFrame, findings: Findings) -> None:
    usable = cases.loc[cases["traced"] >= 0, "split"]
    empty = [split.upper() for split in SPLITS if not (usable == split).any()]
    if empty:
        findings.refuse(file, "", f"expected traced videos in each split, found none in {', '.join(empty)}")


def _manifest(root: Path, files: list[File]) -> pd.DataFrame:
    rows = [
        (file.path.relative_to(root).as_posix(), file.bytes, file.sha256, *(file.header or [None] * 4))
        for file in files
    ]
    manifest = pd.DataFrame(rows, columns=["path", "bytes", "sha256", *Header._fields])
    return manifest.astype({"frames": "Int64", "height": "Int64", "width": "Int64"})
