"""A phantom of the EchoNet-Dynamic data set: FileList.csv, VolumeTracings.csv and Videos/*.avi.

A case is made from the seed and its number alone. The rare faults of the released files are there on purpose:
a video without tracings, tracings with a row count other than 21, videos shorter than a clip of 64 frames, and
tracings that list the larger frame first.
"""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd

from reprise.command import progress
from reprise.errors import InputError
from reprise.files import outputs
from reprise.phantoms import echocardiogram
from reprise.phantoms.ultrasound import SIDE

SPLITS = ("TRAIN", "VAL", "TEST")
# Share of the videos with each fault, much as released; one of each in any data set of FAULTY_FROM videos.
FAULTS = {"untraced": 0.0006, "malformed": 0.0093, "short": 0.0057, "reversed": 0.005}
FAULTY_FROM = 20
_COORDINATES = ["X1", "Y1", "X2", "Y2"]


class Plan(NamedTuple):
    """What is decided about a case before it is made."""

    number: int
    split: str
    fault: str  # a key of FAULTS, or ""


def write_phantom(folder: str | Path, videos: int, split: tuple[float, float, float], seed: int, processes: int) -> None:
    """Write a phantom of `videos` cases to `folder`; the files do not depend on the number of processes.

    Args:
        split: fractions of the cases that are train, validation and test.

    Raises:
        InputError: fewer than three videos, or fractions that do not add up to 1; or the disk is full.
    """
    plans = plan_cases(videos, split, seed)
    with outputs(folder) as (partial_folder,):
        (partial_folder / "Videos").mkdir(parents=True)
        make = partial(_write_case, partial_folder / "Videos", seed)
        made = list(progress(_mapped(make, plans, processes), "phantom videos", total=videos))
        rows, tracings = zip(*made, strict=True)
        pd.DataFrame(rows).to_csv(partial_folder / "FileList.csv", index=False)
        pd.concat(tracings).to_csv(partial_folder / "VolumeTracings.csv", index=False)


def plan_cases(videos: int, split: tuple[float, float, float], seed: int) -> list[Plan]:
    """Split and fault of every case; at least one case in every split."""
    if videos < 3 or len(split) != 3 or min(split) <= 0 or abs(sum(split) - 1) > 1e-6:
        raise InputError(
            f"phantom: expected 3 or more videos and three positive fractions that add up to 1, found {videos}, {split}"
        )
    rng = np.random.default_rng([seed, videos])
    val, test = (max(1, round(videos * fraction)) for fraction in split[1:])
    splits = rng.permutation(np.repeat(SPLITS, [videos - val - test, val, test]))
    counts = [max(1, round(videos * share)) if videos >= FAULTY_FROM else 0 for share in FAULTS.values()]
    faults = rng.permutation(np.repeat([*FAULTS, ""], [*counts, videos - sum(counts)]))
    return [Plan(*each) for each in zip(range(videos), splits.tolist(), faults.tolist(), strict=True)]


def _mapped(make: Any, plans: list[Plan], processes: int) -> Iterator[Any]:
    """Results in the order of the plans."""
    if processes == 1:
        yield from map(make, plans)
        return
    # a forked child could inherit OpenCV's locks in a locked state
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(make, plans, chunksize=4)


def _write_case(folder: Path, seed: int, plan: Plan) -> tuple[dict[str, Any], pd.DataFrame]:
    """Write one video; return its row of FileList.csv and its rows of VolumeTracings.csv."""
    cv2.setNumThreads(0)
    rng = np.random.default_rng([seed, plan.number])
    name = f"0X{rng.integers(0, 2**64, dtype=np.uint64):016X}"
    length = rng.integers(50, 64) if plan.fault == "short" else np.clip(round(rng.normal(115, 32)), 64, 200)
    film = echocardiogram.film(rng, int(length))
    _write_video(folder / f"{name}.avi", film.frames, film.fps)
    end_diastole, end_systole = (int(frame) for frame in rng.choice(film.beats))
    edv, esv = film.volumes_ml[end_diastole], film.volumes_ml[end_systole]
    row = {
        "FileName": name,
        "EF": (edv - esv) / edv * 100,
        "ESV": esv,
        "EDV": edv,
        "FrameHeight": SIDE,
        "FrameWidth": SIDE,
        "FPS": film.fps,
        "NumberOfFrames": len(film.frames),
        "Split": plan.split,
    }
    return row, _tracing_rows(rng, plan.fault, f"{name}.avi", film.tracings, [end_systole, end_diastole])


def _write_video(path: Path, frames: np.ndarray, fps: int) -> None:
    """Write grey frames (F, 112, 112) as Motion JPEG with three channels."""
    video = cv2.VideoWriter(str(path), cv2.CAP_OPENCV_MJPEG, cv2.VideoWriter_fourcc(*"MJPG"), fps, (SIDE, SIDE))
    for frame in frames:
        video.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    video.release()


def _tracing_rows(
    rng: np.random.Generator, fault: str, file_name: str, tracings: np.ndarray, frames: list[int]
) -> pd.DataFrame:
    """Rows of VolumeTracings.csv: end-systole, then end-diastole, 21 rows each unless the case is faulty."""
    if fault == "reversed":
        frames = frames[::-1]
    lines = {frame: tracings[frame] for frame in frames}
    if fault == "malformed":
        frame = int(rng.choice(frames))
        # as in the released files: chords are missing, or the outline was drawn twice
        whole = lines[frame]
        lines[frame] = whole[: rng.integers(15, 20)] if rng.uniform() < 0.5 else np.vstack([whole, whole[1:] + 0.7])
    if fault == "untraced":
        lines = {}
    tables = [pd.DataFrame(line.round(6), columns=_COORDINATES).assign(Frame=frame) for frame, line in lines.items()]
    table = pd.concat(tables) if tables else pd.DataFrame(columns=[*_COORDINATES, "Frame"])
    table.insert(0, "FileName", file_name)
    return table
