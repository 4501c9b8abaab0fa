"""What the figures' steps share: reading the study's tables, naming runs, choosing cases."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from reprise.command import step_parser
from reprise.errors import InputError
from reprise.store import Store

SUFFIX = ".avi"
CASES = "cases.csv"


class Segmented(NamedTuple):
    """A network's masks of every frame: areas.csv and, row by row, masks.npy (bits packed along the width)."""

    areas: pd.DataFrame
    masks: np.ndarray


def figure_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser for a step that draws one figure."""
    parser = step_parser(description)
    parser.add_argument("--figure", type=Path, required=True, help="SVG to write")
    parser.add_argument("--table", type=Path, required=True, help="CSV to write: the numbers drawn")
    return parser


def ef_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser for a step that draws predicted against measured EF, a panel a file."""
    parser = figure_parser(description)
    parser.add_argument("--store", type=Path, required=True, help="store whose cases have the measured EF")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--predictions", type=Path, nargs="+", help="{run}/{protocol}/test_predictions.csv of all clips"
    )
    source.add_argument("--beats", type=Path, nargs="+", help="{run}/{protocol}/beats.csv, for a run on beats only")
    return parser


def read_table(path: Path, columns: Sequence[str], **options: Any) -> pd.DataFrame:
    """Read a CSV that has at least `columns`; those named case or Filename stay text.

    Raises:
        InputError: no readable CSV, or a column is missing.
    """
    try:
        table = pd.read_csv(path, dtype={"case": str, "Filename": str}, **options)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no readable table: {error}") from error
    missing = [name for name in columns if name not in table]
    if missing:
        raise InputError(f"{path}: column {', '.join(missing)} missing; found {', '.join(map(str, table))}")
    return table


def read_cases(store: Path) -> pd.DataFrame:
    """The store's test cases that have tracings, by case; only these are scored."""
    columns = ["case", "split", "ef", "traced"]
    cases = read_table(store / CASES, columns)
    return cases[(cases["split"] == "test") & (cases["traced"] >= 0)].set_index("case")


def run_label(run: str) -> str:
    """A run's name for a reader: its network and its seed."""
    return run.replace("-seed", ", seed ")


def read_ef(args: argparse.Namespace) -> pd.DataFrame:
    """EF of each test case for each file that `ef_parser` was given.

    Returns: columns panel, protocol, clips ("all" or "beats"), case, truth, prediction, both in percent; prediction
        is the mean over the video's clips or beats, NaN if it has none.
    """
    truth = read_cases(args.store)["ef"]
    tables = []
    for path in args.predictions or args.beats:
        run, protocol = path.parent.parent.name, path.parent.name
        prediction = _mean_of_clips(path) if args.predictions else _mean_of_beats(path)
        table = pd.DataFrame({"truth": truth, "prediction": prediction.reindex(truth.index)}).reset_index(names="case")
        table.insert(0, "panel", f"{run_label(run)}: {protocol}")
        table.insert(1, "protocol", protocol)
        table.insert(2, "clips", "all" if args.predictions else "beats")
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _mean_of_clips(path: Path) -> pd.Series:
    names = ["Filename", "start", "prediction"]
    clips = read_table(path, names, names=names, header=None)
    return clips.groupby(clips["Filename"].str.removesuffix(SUFFIX))["prediction"].mean()


def _mean_of_beats(path: Path) -> pd.Series:
    return read_table(path, ["case", "beat_by_beat"]).set_index("case")["beat_by_beat"]


def read_systoles(path: Path) -> Mapping[str, list[int]]:
    """Systolic frames of each case that has any, from a table with the published columns of size.csv."""
    sizes = read_table(path, ["Filename", "Frame", "ComputerSmall"])
    found = sizes[sizes["ComputerSmall"] == 1]
    return {str(name).removesuffix(SUFFIX): sorted(rows) for name, rows in found.groupby("Filename")["Frame"]}


def read_segmented(areas: Path, masks: Path) -> Segmented:
    """A network's areas and masks.

    Raises:
        InputError: a file is unreadable, or they are not of the same frames.
    """
    table = read_table(areas, ["case", "frame", "area"])
    try:
        packed = np.load(masks, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise InputError(f"{masks}: no readable array: {error}") from error
    if len(packed) != len(table):
        raise InputError(f"{masks}: {len(packed)} masks; expected {len(table)}, one for each row of {areas}")
    return Segmented(table, packed)


def masks_of(segmented: Segmented, rows: Sequence[int] | np.ndarray, width: int) -> np.ndarray:
    """Masks (n, H, W) bool at `rows` of the areas' table."""
    return np.unpackbits(np.asarray(segmented.masks[rows]), axis=-1, count=width).astype(bool)


def frames_of(store: Store, case: pd.Series) -> np.ndarray:
    """A case's video (F, H, W, C) uint8."""
    return np.asarray(store.arrays["frames"][case["offset"] : case["offset"] + case["frames"]])


def evenly_over(values: pd.Series, count: int) -> list[str]:
    """Labels of at most `count` entries spread evenly over the range of `values`, in rising order of value.

    For each of `count` equidistant values from the lowest to the highest the nearest entry is taken that was not
    taken before; of equally near ones, the first by label. Nobody picks them by hand.
    """
    left = values.dropna().sort_index()
    chosen = []
    for target in np.linspace(left.min(), left.max(), count) if len(left) else []:
        if len(left):
            nearest = (left - target).abs().idxmin()
            chosen.append(nearest)
            left = left.drop(nearest)
    return list(values[chosen].sort_values(kind="stable").index)
