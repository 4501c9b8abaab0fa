"""Turns a folder of echo clips, in any readable format, into the form of EchoNet-Dynamic's videos.

They become grey, 112 x 112, MJPG in AVI, cropped to the sector and black outside it. Nothing of a header is kept.
"""

import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from echonet.data.avi import write_mjpg
from echonet.data.clip_reader import clip_format, read_clip
from echonet.data.frames import Clip, NoClipError
from echonet.data.sector import crop_square, cut_out, find_sector, without_static_text
from reprise.data.findings import Findings
from reprise.data.own_files import OwnFile
from reprise.step.command import progress, say
from reprise.step.errors import InputError
from reprise.step.files import file_sha256

SIDE = 112
COLUMNS = ["case", "frames", "fps", "fps_source", "source", "height", "width"]
COLUMNS += ["sector", "top", "left", "side", "sha256"]
TEXT = "text may remain in its pictures: "
WORTH_SAYING = 0.01  # of a sector: where more is blackened, tissue may be among it
NOTES = {
    "motion": "",
    "two": TEXT + "two sectors lie side by side; the left one is taken",
    "kept": TEXT + "it has 112 x 112 pixels, so it is not cropped",
    "brightness": TEXT + "nothing moves in it, so the sector was found by its brightness",
    "nothing": TEXT + "no sector found; its centre is kept as it is",
    "whole": TEXT + "the sector fills the picture, so nothing is masked",
}


def import_clips(files: Sequence[OwnFile], videos: Path, findings: Findings) -> pd.DataFrame:
    """Convert every clip to an AVI in `videos`; files that are no clips or cannot be read become findings.

    Args:
        files: the user's files.
        videos: an existing, empty folder.
        findings: gets a finding for each file that is not converted, and for what is odd about the others.

    Returns: one row per clip, see COLUMNS: case (the AVI's name, without `.avi`), frames, fps, fps_source, source
        (dicom | video), height and width of the source, sector (how it was found, see NOTES), top,
        left and side of the crop in source pixels, sha256 of the source.
    """
    rows: dict[str, dict[str, Any]] = {}
    others: Counter[str] = Counter()
    for file in progress(files, "clips"):
        if file.problem:
            findings.exclude(file.case, "", file.problem)
        elif file.digest in rows:
            findings.exclude(file.case, "", "has the same content as another file in the folder")
        else:
            clip = _read(file, others, findings)
            if clip:
                rows[file.digest] = _convert(clip, videos / f"{file.case}.avi", file, findings)
    for what, count in others.items():
        findings.note(f"{count} files", "", f"not read: {what}")
    return pd.DataFrame(rows.values(), columns=COLUMNS)


class Standard(NamedTuple):
    """A clip in the form of EchoNet-Dynamic's.

    frames: (F, 112, 112) uint8.
    sector: how it was found, see NOTES.
    square: top, left and side of the crop, in pixels of the source.
    blackened: the fraction of the sector that looks like text, so that it is black.
    """

    frames: np.ndarray
    sector: str
    square: tuple[int, int, int]
    blackened: float


def standard_frames(frames: np.ndarray) -> Standard:
    """Crop frames (F, H, W) to their sector, and blacken what lies outside it and what looks like text.

    Frames that are 112 x 112 already count as converted, so they are not cropped.
    """
    if frames.shape[1:] == (SIDE, SIDE):
        mask, found_by = np.ones((SIDE, SIDE), bool), "kept"
    else:
        mask, found_by = find_sector(frames)
    clean = without_static_text(frames, mask)
    square = (0, 0, SIDE) if found_by == "kept" else crop_square(mask)
    small = frames * clean if found_by == "kept" else cut_out(frames, mask, clean, SIDE)
    return Standard(small, found_by, square, 1 - float(clean.sum() / mask.sum()))


def _read(file: OwnFile, others: Counter[str], findings: Findings) -> Clip | None:
    """Decode a file. If that is not possible, return None and add a finding, or count it among `others`."""
    try:
        if file_sha256(file.path) != file.digest:
            raise InputError("changed since it got its name; start again")
        return read_clip(file.path)
    except NoClipError as error:
        others[str(error)] += 1
    except InputError as error:
        findings.exclude(file.case, "", str(error))
    except Exception as error:  # a decoder may raise anything, and its message may quote the file
        say("".join([f"{file.case}: {type(error).__name__}\n", *traceback.format_tb(error.__traceback__)]))
        findings.exclude(file.case, "", "is damaged: its decoder failed")
    return None


def _convert(clip: Clip, target: Path, file: OwnFile, findings: Findings) -> dict[str, Any]:
    """Write one clip's AVI; returns its row, and notes what is odd about it."""
    frames, sector, (top, left, side), blackened = standard_frames(clip.frames)
    write_mjpg(target, np.repeat(frames[..., None], 3, axis=-1), clip.fps)
    for oddity in clip.oddities:
        findings.note(file.case, "", oddity)
    if NOTES[sector]:
        findings.note(file.case, "", NOTES[sector])
    if blackened > WORTH_SAYING:
        findings.note(file.case, "", f"{blackened:.0%} of its sector looks like text or lines, and was blackened")
    if clip.fps_source == "assumed":
        findings.note(file.case, "", f"no frame rate in it: {clip.fps:g} frames per second are assumed")
    if len(frames) == 1:
        findings.note(file.case, "", "a single frame: no beat can be found in it")
    height, width = clip.frames.shape[1:]
    row = {
        "case": file.case,
        "frames": len(frames),
        "fps": clip.fps,
        "fps_source": clip.fps_source,
        "source": clip_format(file.path),
    }
    row |= {"height": height, "width": width, "sector": sector, "top": top, "left": left, "side": side}
    return row | {"sha256": file.digest}
