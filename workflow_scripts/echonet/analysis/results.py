"""The results of the study's runs, read back for scoring."""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from reprise.evaluation.runs import read_runs, run_of
from reprise.step.errors import InputError
from reprise.step.tables import read_table

OVERLAP = {
    "case": str,
    "split": str,
    "image": str,
    "intersection": int,
    "union": int,
    "tracing_ok": bool,
    "order_ok": bool,
}
AREAS = {"case": str, "frame": int, "area": float}
CLIPS = {"case": str, "start": int, "prediction": float}
BEATS = {"case": str, "beat_by_beat": float}
MASK_EF = {"case": str, "ef": float}
SEGMENTATION_LOG = {"epoch": int, "val_loss": float}
EF_LOG = {"epoch": int, "val_loss_published": float, "val_loss_sound": float}


class Results(NamedTuple):
    """Tables with the column network, see `read_runs`; clips and beats have also protocol, and clips have split."""

    overlap: pd.DataFrame
    segmentation_log: pd.DataFrame
    ef_log: pd.DataFrame
    mask_ef: pd.DataFrame
    clips: pd.DataFrame
    beats: pd.DataFrame


def read_results(args: argparse.Namespace, cases: Iterable[str]) -> Results:
    """All results that were named on the command line.

    Raises:
        InputError: a file is damaged or lies in no run's folder, or names a video that is not among the cases.
    """
    histories = {task: [path for path in args.history if run_of(path).task == task] for task in ("segmentation", "ef")}
    results = Results(
        overlap=read_runs(args.overlap, OVERLAP),
        segmentation_log=read_runs(histories["segmentation"], SEGMENTATION_LOG),
        ef_log=read_runs(histories["ef"], EF_LOG),
        mask_ef=read_runs(args.mask_ef, MASK_EF),
        clips=read_runs(args.predictions, CLIPS | {"split": str}, ["protocol"], _clips_of_split),
        beats=read_runs(args.beats, BEATS, ["protocol"]),
    )
    known = set(cases)
    problems = [
        f"{kind} of {network}: not in the store: {', '.join(sorted(set(rows['case'])))}"
        for kind, table in {"predictions": results.clips, "beats": results.beats, "mask EF": results.mask_ef}.items()
        for network, rows in table[~table["case"].isin(known)].groupby("network", sort=False)
    ]
    if problems:
        raise InputError(problems[0])
    return results


def _clips_of_split(path: Path, _: Mapping[str, type]) -> pd.DataFrame:
    """Predictions from a file called SPLIT_predictions.csv, with the column split."""
    return read_clips(path).assign(split=path.stem.removesuffix("_predictions"))


def read_clips(path: Path) -> pd.DataFrame:
    """Predictions of clips in the published form: case, start, prediction in EF points; one row per clip.

    Raises:
        InputError: the file is damaged or empty, has a clip twice or without a number, or lacks a video's first clip.
    """
    clips = read_table(path, CLIPS, header=False)
    clips["case"] = clips["case"].str.replace(r"\.avi$", "", case=False, regex=True)
    problems = {
        "more than one prediction for a clip": clips.loc[clips.duplicated(["case", "start"]), "case"],
        "no prediction": clips.loc[clips["prediction"].isna(), "case"],
        "no clip at frame 0": sorted(set(clips["case"]) - set(clips.loc[clips["start"] == 0, "case"])),
    }
    lines = [f"{path}: {what}: {', '.join(dict.fromkeys(names))}" for what, names in problems.items() if len(names)]
    if lines or clips.empty:
        raise InputError("\n".join(lines) or f"{path}: no predictions")
    return clips


def read_masks(path: Path, areas: pd.DataFrame) -> np.ndarray:
    """Packed masks (F, height, width / 8), one for each row of the areas.

    Raises:
        InputError: the file is damaged, or does not have one mask per row.
    """
    try:
        masks = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable array: {error}") from error
    if len(masks) != len(areas):
        raise InputError(f"{path}: expected a mask for each of {len(areas)} areas, found {len(masks)}")
    return masks


def read_systoles(path: Path) -> dict[str, Any]:
    """End-systolic frames by case, from a table of all frames' areas in the published form."""
    size = read_table(path, {"Filename": str, "Frame": int, "ComputerSmall": int})
    found = size[size["ComputerSmall"] == 1]
    return {str(case): rows.to_numpy() for case, rows in found.groupby(found["Filename"].str[:-4])["Frame"]}
