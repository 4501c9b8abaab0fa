"""Tracings of EchoNet-Dynamic: a long axis of the left ventricle, chords across it, and the mask that they enclose.

A tracing is an array (rows, 4) of x1, y1, x2, y2 in pixels, y downwards, in the order of the file: row 0 is the
long axis from apex to mitral plane, rows 1 to 20 are chords from apex to mitral annulus.
"""

import numpy as np
import pandas as pd
from skimage import draw

from reprise.data.findings import Findings

ROWS = 21  # of a sound tracing


def polygon(tracing: np.ndarray) -> np.ndarray:
    """Outline (2 * rows - 2, 2) of x, y: down one wall and up the other; the long axis is not used."""
    chords = tracing[1:]
    return np.concatenate([chords[:, :2], chords[::-1, 2:]])


def rasterise(tracing: np.ndarray, height: int, width: int) -> np.ndarray:
    """Mask (height, width) uint8 0/1 of a tracing, as the published loader makes it.

    Corners are rounded to whole pixels, halves to even. The even-odd rule says what is inside, also where the outline
    crosses itself. Pixels on the outline are inside unless two edges coincide, as in `skimage.draw.polygon`.
    """
    mask = np.zeros((height, width), np.uint8)
    x, y = np.rint(polygon(tracing)).astype(int).T
    if len(x):
        mask[draw.polygon(y, x, mask.shape)] = 1
    return mask


def area(tracing: np.ndarray) -> float:
    """Area inside a tracing in square pixels (shoelace formula; the direction of the outline does not matter)."""
    x, y = polygon(tracing).T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def group_tracings(table: pd.DataFrame) -> dict[str, dict[int, np.ndarray]]:
    """Case -> frame -> tracing (rows, 4) float64; frames in the order of their first row in the file.

    Args:
        table: as `raw_tables.read_tracings` returns it.
    """
    grouped: dict[str, dict[int, list[np.ndarray]]] = {}
    lines = table[["x1", "y1", "x2", "y2"]].to_numpy(float)
    for case, frame, line in zip(table["case"], table["frame"], lines, strict=True):
        grouped.setdefault(case, {}).setdefault(frame, []).append(line)
    return {case: {frame: np.stack(rows) for frame, rows in frames.items()} for case, frames in grouped.items()}


def refuse_misplaced(file: str, table: pd.DataFrame, videos: pd.DataFrame, findings: Findings) -> None:
    """Refuse tracings of unknown videos, of frames after a video's last one, and outside a video's frame.

    Args:
        file: name of the tracings' file.
        table: as `raw_tables.read_tracings` returns it.
        videos: frames, height and width of each known video, indexed by case; NaN where not known.
    """
    unknown = ~table["case"].isin(videos.index)
    for row, case in table.loc[unknown, "case"].drop_duplicates().items():
        findings.refuse(file, f"row {row}", f"traces {case}, which the file list does not name")
    lines = table.assign(row=table.index).join(videos, on="case")
    # A pixel's position may mean its centre or its corner: the frame reaches from -0.5 to its size.
    x, y = lines[["x1", "x2"]], lines[["y1", "y2"]]
    outside = (x < -0.5).any(axis=1) | x.gt(lines["width"], axis=0).any(axis=1)
    outside |= (y < -0.5).any(axis=1) | y.gt(lines["height"], axis=0).any(axis=1)
    late = lines["frame"] >= lines["frames"]
    for line in lines[late].drop_duplicates(["case", "frame"]).to_dict("records"):
        problem = f"traces frame {line['frame']} of {line['case']}, which has {line['frames']:g} frames"
        findings.refuse(file, f"row {line['row']}", problem)
    for line in lines[outside].drop_duplicates(["case", "frame"]).to_dict("records"):
        found = ", ".join(f"{line[column]:g}" for column in ("x1", "y1", "x2", "y2"))
        problem = (
            f"X1, Y1, X2, Y2 = {found} is outside the {line['height']:g}x{line['width']:g} frame of {line['case']}"
        )
        findings.refuse(file, f"row {line['row']}", problem)
