"""Notes on videos and tracings of EchoNet-Dynamic: a reader should know them, but they do not stop the run."""

import numpy as np
import pandas as pd

from echonet.data.avi import Header
from echonet.data.tracings import ROWS
from reprise.data.findings import Findings

CLIP_FRAMES = 64  # a clip of 32 frames with period 2 spans so many frames
EF_TOLERANCE = 0.1  # EF points


def note_listing(file: str, listed: pd.DataFrame, headers: dict[str, Header], findings: Findings) -> None:
    """Note where the file list contradicts the videos' headers, or its EF its own volumes."""
    implied = 100 * (listed["edv_ml"] - listed["esv_ml"]) / listed["edv_ml"].where(listed["edv_ml"] > 0)
    for line in listed.assign(row=listed.index, implied=implied).to_dict("records"):
        header = headers[line["case"]]
        where = f"row {line['row']} ({line['case']})"
        if header.frames != line["frames"]:
            findings.note(
                file, where, f"says {line['frames']:g} frames, the video has {header.frames}; the video holds"
            )
        if (header.height, header.width) != (line["height"], line["width"]):
            said, found = f"{line['height']:g}x{line['width']:g}", f"{header.height}x{header.width}"
            findings.note(file, where, f"says frames of {said}, the video's are {found}; the video holds")
        if abs(header.fps - line["fps"]) >= 1:
            findings.note(
                file, where, f"says {line['fps']:g} frames per second, the video {header.fps:g}; the list holds"
            )
        if not abs(line["implied"] - line["ef"]) <= EF_TOLERANCE:
            findings.note(file, where, f"EF is {line['ef']:g}, its volumes give {line['implied']:.2f}; the EF holds")


def note_cases(
    folder: str,
    traces: str,
    cases: pd.DataFrame,
    headers: dict[str, Header],
    tracings: dict[str, dict[int, np.ndarray]],
    findings: Findings,
) -> None:
    """Note what is unusual in each case, and which videos are excluded and why."""
    stored = cases.set_index("case")
    for case, header in headers.items():
        video, frames = f"{folder}/{case}.avi", tracings.get(case, {})
        if len(frames) < 2:
            size = "" if case in stored.index else f", frames of {header.height}x{header.width}; not stored"
            findings.exclude(video, "", f"{len(frames)} traced frames, 2 expected{size}")
            continue
        if header.frames < CLIP_FRAMES:
            findings.note(
                video, "", f"{header.frames} frames, fewer than the {CLIP_FRAMES} of a clip; padded with zeros"
            )
        _note_tracing(traces, case, frames, bool(stored.loc[case, "order_ok"]), findings)


def _note_tracing(file: str, case: str, frames: dict[int, np.ndarray], order_ok: bool, findings: Findings) -> None:
    if len(frames) > 2:
        findings.note(file, case, f"{len(frames)} traced frames; the first and the last in the file are used")
    first, *_, last = frames
    for frame in (first, last):
        if len(frames[frame]) != ROWS:
            found = len(frames[frame])
            findings.note(file, f"{case} frame {frame}", f"{found} rows, {ROWS} expected; kept, its mask may be odd")
    if not order_ok:
        findings.note(file, case, f"the area at ED (frame {last}) is smaller than at ES (frame {first})")
