"""The results of the study's runs, read back for scoring; network and protocol are taken from their paths."""

import argparse
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from reprise.step.errors import InputError
from reprise.step.tables import read_table

OVERLAP = {
    **{"case": str, "split": str, "image": str, "intersection": int, "union": int},
    **{"tracing_ok": bool, "order_ok": bool},
}
CLIPS = {"case": str, "start": int, "prediction": float}
BEATS = {"case": str, "beat_by_beat": float}
MASK_EF = {"case": str, "ef": float}
SEGMENTATION_LOG = {"epoch": int, "val_loss": float}
EF_LOG = {"epoch": int, "val_loss_published": float, "val_loss_sound": float}
RUN = r"(?P<run>(?P<network>[^/]+)-seed\d+)"
SEGMENTATION = re.compile(rf"(?:^|/)segmentation/{RUN}/[^/]+$")
EF = re.compile(rf"(?:^|/)ef/{RUN}/[^/]+$")
EF_BEATS = re.compile(rf"(?:^|/)ef/{RUN}/(?P<protocol>published|sound)/[^/]+$")
EF_CLIPS = re.compile(rf"(?:^|/)ef/{RUN}/(?P<protocol>published|sound)/(?P<split>val|test)_predictions\.csv$")

Runs = dict[Any, pd.DataFrame]


class Results(NamedTuple):
    """Tables by network; beats by (network, protocol); clips by (network, protocol, split).

    Of a network that was trained with several seeds, the first run goes by the network's name, others by their own.
    """

    overlap: Runs
    segmentation_log: Runs
    ef_log: Runs
    mask_ef: Runs
    clips: Runs
    beats: Runs


def read_results(args: argparse.Namespace, cases: Iterable[str]) -> Results:
    """All results that were named on the command line.

    Raises:
        InputError: one is damaged or is not in a run's folder, or speaks of a video that is not among the cases.
    """
    of_segmentation = [path for path in args.history if SEGMENTATION.search(path.as_posix())]
    of_ef = [path for path in args.history if path not in of_segmentation]
    results = Results(
        _runs(args.overlap, SEGMENTATION, OVERLAP),
        _runs(of_segmentation, SEGMENTATION, SEGMENTATION_LOG),
        _runs(of_ef, EF, EF_LOG),
        _runs(args.mask_ef, SEGMENTATION, MASK_EF),
        _runs(args.predictions, EF_CLIPS, CLIPS),
        _runs(args.beats, EF_BEATS, BEATS),
    )
    known = set(cases)
    for kind, runs in (("predictions", results.clips), ("beats", results.beats), ("mask EF", results.mask_ef)):
        for key, table in runs.items():
            unknown = sorted(set(table["case"]) - known)
            if unknown:
                raise InputError(f"{kind} of {key}: not in the store: {', '.join(unknown)}")
    return results


def _runs(paths: Sequence[Path], pattern: re.Pattern[str], types: dict[str, type]) -> Runs:
    """The tables of one kind of result by what their paths say."""
    runs: Runs = {}
    first: dict[str, str] = {}
    for path in paths:
        found = pattern.search(path.as_posix())
        if not found:
            raise InputError(f"{path}: not where a run's results are; expected a path like {pattern.pattern}")
        run, network, *rest = found.groups()
        name = network if first.setdefault(network, run) == run else run
        runs[(name, *rest) if rest else name] = read_clips(path) if types is CLIPS else read_table(path, types)
    return runs


def read_clips(path: Path) -> pd.DataFrame:
    """Predictions of clips in the published form: case, start, prediction in EF points; a row a clip.

    Raises:
        InputError: damaged, empty, a clip twice or without a number, or a video without its first clip.
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


def read_systoles(path: Path) -> dict[str, Any]:
    """End-systolic frames by case, from a table of all frames' areas in the published form."""
    size = read_table(path, {"Filename": str, "Frame": int, "ComputerSmall": int})
    found = size[size["ComputerSmall"] == 1]
    return {str(case): rows.to_numpy() for case, rows in found.groupby(found["Filename"].str[:-4])["Frame"]}
