"""EchoNet-Dynamic from its checked raw folder to the store: decodes all frames once, rasterises all tracings."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from echonet.data.avi import read_video
from echonet.data.raw_dataset import READERS, SIZE, Tracings
from echonet.data.raw_tables import read_tracings
from echonet.data.tracings import ROWS, group_tracings, rasterise
from reprise.data.findings import Findings
from reprise.data.store import Rows, write_store
from reprise.step.command import progress
from reprise.step.files import refuse_changed
from reprise.step.tables import read_table

FILES = {"path": str, "sha256": str}
CASES = (
    dict.fromkeys(("case", "patient", "split"), str)
    | dict.fromkeys(("offset", "frames"), int)
    | dict.fromkeys(("fps", "ef", "esv_ml", "edv_ml"), float)
    | dict.fromkeys(("traced", "ed_frame", "es_frame"), int)
    | dict.fromkeys(("tracing_ok", "order_ok"), bool)
)
TRACED = ("ed_frame", "es_frame")  # index 0 and 1 of every array of traced frames
Item = TypeVar("Item")
Result = TypeVar("Result")


class ColourFoundError(Exception):
    """The three channels of a frame differ, so one channel is not enough."""


def read_checked(manifest: Path, cases: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The manifest and the cases that the check has written, as `convert_dataset` takes them.

    Raises:
        InputError: one of them is damaged.
    """
    return read_table(manifest, FILES), read_table(cases, CASES)


def convert_dataset(root: str | Path, manifest: pd.DataFrame, cases: pd.DataFrame, folder: str | Path) -> None:
    """Write the store of a checked data set to `folder`, or nothing.

    Arrays: frames (N, 112, 112, C), traced_frames (T, 2, 112, 112, C) and traced_masks (T, 2, 112, 112) uint8,
    tracings (T, 2, 21, 4) float32 (NaN where not tracing_ok); in all of them index 0 is ED and 1 is ES.
    C is 1 if the channels are equal in all frames, otherwise 3. This is known only at the end. So one channel is
    tried first; the first frame with colour stops this attempt, and a second attempt writes three.

    Raises:
        InputError: a file has changed since the check, a video cannot be decoded, or the disk is full.
    """
    root = Path(root)
    hashes = dict(zip(manifest["path"], manifest["sha256"], strict=True))
    tracings = _read_tracings(root, hashes)
    try:
        write_store(folder, cases, _arrays(root, hashes, cases, tracings, channels=1))
    except ColourFoundError:
        write_store(folder, cases, _arrays(root, hashes, cases, tracings, channels=3))


def _read_tracings(root: Path, hashes: dict[str, str]) -> Tracings:
    name = next(path for path in hashes if path.lower() == "volumetracings.csv")
    refuse_changed(root / name, hashes[name])
    findings = Findings()
    table = read_tracings(root / name, findings)
    findings.raise_problems(root)
    return group_tracings(table)


def _arrays(
    root: Path, hashes: dict[str, str], cases: pd.DataFrame, tracings: Tracings, channels: int
) -> dict[str, np.ndarray | Rows]:
    """The store's arrays; `frames` comes first, because writing it fills `traced_frames`."""
    traced = cases[cases["traced"] >= 0]
    count, size, byte = len(traced), (SIZE, SIZE), np.dtype(np.uint8)
    traced_frames = np.zeros((count, 2, *size, channels), byte)
    pairs = [tuple(tracings[row["case"]][row[frame]] for frame in TRACED) for row in traced.to_dict("records")]
    masks = (np.stack([rasterise(tracing, *size) for tracing in pair])[None] for pair in pairs)
    frames = _frames(root, hashes, cases, traced_frames)
    return {
        "frames": Rows((int(cases["frames"].sum()), *size, channels), byte, frames),
        "traced_frames": traced_frames,
        "traced_masks": Rows((count, 2, *size), byte, masks),
        "tracings": np.stack([_lines(pair) for pair in pairs]),
    }


def _lines(pair: Sequence[np.ndarray]) -> np.ndarray:
    """Two tracings as (2, 21, 4) float32; NaN if one of them has another number of rows."""
    if any(len(tracing) != ROWS for tracing in pair):
        return np.full((2, ROWS, 4), np.nan, np.float32)
    return np.stack(pair).astype(np.float32)


def _frames(root: Path, hashes: dict[str, str], cases: pd.DataFrame, traced_frames: np.ndarray) -> Iterator[np.ndarray]:
    """Frames (F, 112, 112, C) of one case after the other; copies the ED and ES frames to `traced_frames`."""
    paths = {Path(name).stem: name for name in hashes if name.lower().endswith(".avi")}
    channels = traced_frames.shape[-1]
    decoded = _in_order(lambda case: _decode(root, paths[case], hashes[paths[case]]), cases["case"])
    rows = progress(zip(cases.to_dict("records"), decoded, strict=True), "videos decoded", len(cases))
    for row, frames in rows:
        if channels == 1 and not (frames == frames[..., :1]).all():
            raise ColourFoundError(row["case"])
        if row["traced"] >= 0:
            traced_frames[row["traced"]] = frames[[row[frame] for frame in TRACED], ..., :channels]
        yield frames[..., :channels]


def _decode(root: Path, name: str, sha256: str) -> np.ndarray:
    refuse_changed(root / name, sha256)
    return read_video(root / name).frames


def _in_order(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Results of a function in the order of the items; threads compute a few of them ahead."""
    with ThreadPoolExecutor(READERS) as pool:
        ahead: deque[Future[Result]] = deque()
        try:
            for item in items:
                ahead.append(pool.submit(function, item))
                if len(ahead) > READERS:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
