"""Turns a folder of echo clips, in any readable format, into the form of EchoNet-Dynamic's videos.

They become grey, 112 x 112, MJPG in AVI, cropped to the sector and black outside it. Nothing of a header is kept.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from echonet.data.avi import write_mjpg
from echonet.data.clip_reader import clip_format, read_clip
from echonet.data.dicom import identifying_words
from echonet.data.frames import Clip
from echonet.data.sector import crop_square, cut_out, find_sector
from reprise.data.anonymous_names import HASH_DIGITS, safe_name, shown_path
from reprise.data.findings import Findings
from reprise.engine.folders import files_below, one_line
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import file_sha256

SIDE = 112
NOTES = {
    "motion": "",
    "kept": "",
    "brightness": "nothing moves in it: the sector was found by its brightness",
    "nothing": "no sector found: its centre is kept as it is; text burned into the picture may remain",
    "whole": "the sector fills the picture: nothing is masked; text burned into it may remain",
}


class ClipFile(NamedTuple):
    """A file, its SHA-256, the words that its name must not hold, and how messages call it."""

    path: Path
    digest: str
    identifying: frozenset[str]
    shown: str


def import_folder(root: Path, videos: Path, findings: Findings) -> pd.DataFrame:
    """Convert every clip below `root` to an AVI in `videos`; files that are no clips or cannot be read become findings.

    Args:
        root: folder of clips, searched to any depth; hidden files are ignored.
        videos: an existing, empty folder.
        findings: gets a finding for each file that is not converted, and for what is odd about the others.

    Returns: one row per clip: case (its name, without `.avi`), frames, fps, fps_source, source (dicom | video), height
        and width of the source, sector (motion | brightness | nothing | whole | kept), top, left and side of the
        crop in source pixels, sha256 of the source.

    Raises:
        InputError: the folder is missing or empty, or no file in it can be read; all files are then named.
    """
    rows: dict[str, dict[str, Any]] = {}
    taken: dict[str, str] = {}  # hash of a source: name of its clip, lower case
    for path in progress(_files(root, findings), "clips"):
        read = _read(path, root, taken, findings)
        if read:
            file, clip = read
            name = clip_name(path, file.identifying, taken.values(), file.digest)
            taken[file.digest] = name.lower()
            rows[name] = _convert(clip, videos / f"{name}.avi", file, findings)
    if not rows:
        lines = [f"{shown} {finding}" for _, shown, _, finding in findings.rows]
        raise InputError("\n  ".join([f"{root}: no clip in it can be read:", *lines]))
    return pd.DataFrame([{"case": name, **row} for name, row in rows.items()])


def clip_name(path: Path, identifying: Collection[str], taken: Collection[str], digest: str) -> str:
    """The name of a converted clip, without suffix: letters, digits, `.`, `_` and `-` only, none of `taken`.

    Args:
        path: the clip's file.
        identifying: lower-case words that must not occur in the name.
        taken: names of other clips, lower case.
        digest: SHA-256 of the file.
    """
    stem = safe_name(path.stem, identifying)
    if not stem:
        return f"clip-{digest[:HASH_DIGITS]}"
    return stem if stem.lower() not in taken else f"{stem}-{digest[:HASH_DIGITS]}"


def standard_frames(frames: np.ndarray) -> tuple[np.ndarray, str, tuple[int, int, int]]:
    """Frames (F, H, W) cut to (F, 112, 112); how the sector was found; top, left and side of the crop.

    Frames that are 112 x 112 already count as converted, and are kept as they are.
    """
    if frames.shape[1:] == (SIDE, SIDE):
        return frames, "kept", (0, 0, SIDE)
    mask, found_by = find_sector(frames)
    return cut_out(frames, mask, SIDE), found_by, crop_square(mask)


def _files(root: Path, findings: Findings) -> list[Path]:
    if not root.is_dir():
        raise InputError(f"{root}: no such folder of clips")
    below = files_below(root, lambda folder, why: findings.exclude(one_line(f"{folder.relative_to(root)}"), "", why))
    files = [path for path in below if path.is_file()]
    if not files:
        raise InputError(f"{root}: no file in it; expected echo clips (DICOM, AVI, MP4, MOV)")
    return files


def _read(path: Path, root: Path, taken: Collection[str], findings: Findings) -> tuple[ClipFile, Clip] | None:
    """Decode a file that is not in `taken` yet; None, and a finding, if that is not possible."""
    try:
        digest = file_sha256(path)
    except OSError:
        findings.exclude(shown_path(path, root, (), "unreadable", "clip"), "", "cannot be opened")
        return None
    kind = clip_format(path)
    identifying = identifying_words(path) if kind == "dicom" else frozenset[str]()
    file = ClipFile(path, digest, identifying, shown_path(path, root, identifying, digest, "clip"))
    if digest in taken:
        findings.exclude(file.shown, "", "is the same file as another one in the folder")
        return None
    try:
        return file, read_clip(path)
    except InputError as error:
        (findings.exclude if kind else findings.note)(file.shown, "", str(error))
        return None


def _convert(clip: Clip, target: Path, file: ClipFile, findings: Findings) -> dict[str, Any]:
    """Write one clip's AVI; returns its row, and notes what is odd about it."""
    frames, sector, (top, left, side) = standard_frames(clip.frames)
    write_mjpg(target, np.repeat(frames[..., None], 3, axis=-1), clip.fps)
    where = f"clip {target.stem}"
    if NOTES[sector]:
        findings.note(file.shown, where, NOTES[sector])
    if clip.fps_source == "assumed":
        findings.note(file.shown, where, f"no frame rate in it: {clip.fps:g} frames per second are assumed")
    if len(frames) == 1:
        findings.note(file.shown, where, "a single frame: no beat can be found in it")
    height, width = clip.frames.shape[1:]
    row = {"frames": len(frames), "fps": clip.fps, "fps_source": clip.fps_source, "source": clip_format(file.path)}
    row |= {"height": height, "width": width, "sector": sector, "top": top, "left": left, "side": side}
    return row | {"sha256": file.digest}
