"""A phantom of the EchoNet-Dynamic data set: FileList.csv, VolumeTracings.csv and Videos/*.avi.

A case depends on the seed and its number alone. Some have the rare faults of the released files on purpose: a video
without tracings, a tracing whose number of rows is not 21, a video shorter than a clip of 64 frames, tracings that
list the larger frame first.
"""

from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd

from echonet.data.avi import write_mjpg
from echonet.phantom import echocardiogram
from echonet.phantom.ultrasound import SIDE
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import outputs
from reprise.step.pool import mapped

SPLITS = ("TRAIN", "VAL", "TEST")
# Fraction of the videos with each fault, about as released; with FAULTY_FROM videos or more, at least one of each.
FAULTS = {"untraced": 0.0006, "malformed": 0.0093, "short": 0.0095, "reversed": 0.0095}
FAULTY_FROM = 20


class Plan(NamedTuple):
    """What is decided about a case before it is drawn."""

    number: int
    split: str
    fault: str  # a key of FAULTS, or ""


def write_phantom(folder: str | Path, videos: int, split: Sequence[float], seed: int, processes: int) -> None:
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
        made = list(progress(mapped(make, plans, processes), "phantom videos", total=videos))
        rows, tracings = zip(*made, strict=True)
        pd.DataFrame(rows).to_csv(partial_folder / "FileList.csv", index=False)
        pd.DataFrame(chain.from_iterable(tracings)).to_csv(partial_folder / "VolumeTracings.csv", index=False)


def plan_cases(videos: int, split: Sequence[float], seed: int) -> list[Plan]:
    """Split and fault of every case; at least one case in every split."""
    if videos < 3 or len(split) != 3 or min(split) <= 0 or abs(sum(split) - 1) > 1e-6:
        raise InputError(
            f"phantom: expected 3 or more videos and three positive fractions that add up to 1, found {videos}, {split}"
        )
    rng = np.random.default_rng([seed, videos])
    val, test = (max(1, round(videos * fraction)) for fraction in split[1:])
    splits = rng.permutation(np.repeat(SPLITS, [videos - val - test, val, test]))
    counts = [max(1, round(videos * fraction)) if videos >= FAULTY_FROM else 0 for fraction in FAULTS.values()]
    faults = rng.permutation(np.repeat([*FAULTS, ""], [*counts, videos - sum(counts)]))
    return [Plan(*each) for each in zip(range(videos), splits.tolist(), faults.tolist(), strict=True)]


def _write_case(folder: Path, seed: int, plan: Plan) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Write one video; return its row of FileList.csv and its rows of VolumeTracings.csv."""
    cv2.setNumThreads(0)
    rng = np.random.default_rng([seed, plan.number])
    name = f"0X{rng.integers(0, 2**64, dtype=np.uint64):016X}"
    length = rng.integers(50, 64) if plan.fault == "short" else np.clip(round(rng.normal(115, 32)), 64, 200)
    film = echocardiogram.film(rng, int(length))
    write_mjpg(folder / f"{name}.avi", np.repeat(film.frames[..., None], 3, axis=-1), film.fps)
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
    return row, _tracing_rows(rng, plan.fault, f"{name}.avi", film.tracings, (end_systole, end_diastole))


def _tracing_rows(
    rng: np.random.Generator, fault: str, file_name: str, tracings: np.ndarray, frames: tuple[int, int]
) -> list[dict[str, Any]]:
    """Rows of VolumeTracings.csv: end-systole, then end-diastole, 21 each unless the case is faulty."""
    lines = {frame: tracings[frame].round(6) for frame in frames}
    if fault == "untraced":
        lines = {}
    if fault == "reversed":
        lines = dict(reversed(lines.items()))
    if fault == "malformed":
        frame = int(rng.choice(frames))
        lines[frame] = _malformed(rng, lines[frame])
    return [
        {"FileName": file_name, "X1": x1, "Y1": y1, "X2": x2, "Y2": y2, "Frame": frame}
        for frame, points in lines.items()
        for x1, y1, x2, y2 in points.tolist()
    ]


def _malformed(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """A tracing like some of the released ones: without its last chords, or with the outline drawn twice."""
    if rng.uniform() < 0.5:
        return points[: rng.integers(15, 20)]
    return np.vstack([points, points[1:] + 0.5])
