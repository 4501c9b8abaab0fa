"""Find the systoles in the area of each frame, by the published and the corrected rule, and EF from the masks alone."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from echonet.analysis.beats import Trim, beats_from_masks, find_systoles
from echonet.analysis.results import AREAS, read_masks
from reprise.data.store import open_store
from reprise.step.command import json_object, progress, run, step_parser
from reprise.step.errors import InputError
from reprise.step.files import outputs
from reprise.step.tables import read_table


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--areas", type=Path, required=True, help="CSV of areas in px: case, frame, area")
    parser.add_argument("--masks", type=Path, required=True, help="packed masks, one for each row of --areas")
    parser.add_argument("--settings", type=json_object, required=True, help="distance, prominence, trim")
    parser.add_argument("--size", type=Path, required=True, help="table to write: systoles by the published rule")
    parser.add_argument("--size-sound", type=Path, required=True, help="table to write: by the corrected rule")
    parser.add_argument("--mask-ef", type=Path, required=True, help="table to write: EF of each beat from its masks")
    return parser


def read_areas(path: Path) -> pd.DataFrame:
    """Areas of all frames, each video's rows together and its frames from 0 upwards.

    Raises:
        InputError: the file is damaged, or a frame is missing or out of order.
    """
    areas = read_table(path, AREAS)
    expected = areas.groupby("case", sort=False).cumcount()
    begins = (areas["case"] != areas["case"].shift()).sum()
    wrong = np.flatnonzero(areas["frame"] != expected)
    if len(wrong) or begins != areas["case"].nunique():
        line = wrong[0] + 2 if len(wrong) else 2
        raise InputError(f"{path}: line {line}: expected each video's frames together and in order from 0")
    return areas


def size_table(areas: pd.DataFrame, cases: pd.DataFrame, trim_by: Trim, settings: dict[str, Any]) -> pd.DataFrame:
    """The published columns, one row per frame: area, and whether it is ED or ES by tracing, or a systole by area."""
    curves = areas.groupby("case", sort=False)["area"]
    options = {name: settings[name] for name in ("distance", "prominence", "trim")}
    systoles = [np.isin(np.arange(len(curve)), find_systoles(curve, trim_by, **options)) for _, curve in curves]
    human = areas[["case"]].merge(cases[["case", "ed_frame", "es_frame"]], how="left", on="case")
    columns: dict[str, Any] = {
        "Filename": areas["case"] + ".avi",
        "Frame": areas["frame"],
        "Size": areas["area"].astype(int),
        "HumanLarge": (areas["frame"] == human["ed_frame"]).astype(int),
        "HumanSmall": (areas["frame"] == human["es_frame"]).astype(int),
        "ComputerSmall": np.concatenate(systoles).astype(int) if systoles else [],
    }
    return pd.DataFrame(columns)


def mask_ef_table(size: pd.DataFrame, masks: np.ndarray) -> pd.DataFrame:
    """EF of each beat with its case, from packed masks (rows of `size`, height, width / 8): one row per beat."""
    tables = []
    for name, rows in progress(size.groupby("Filename", sort=False), "EF from masks", size["Filename"].nunique()):
        unpacked = np.unpackbits(masks[rows.index[0] : rows.index[-1] + 1], axis=-1)
        beats = beats_from_masks(unpacked, np.flatnonzero(rows["ComputerSmall"]))
        beats.insert(0, "case", str(name).removesuffix(".avi"))
        tables.append(beats)
    return pd.concat(tables, ignore_index=True)


def main(args: argparse.Namespace) -> None:
    """Write systoles by both rules, and EF of each beat from the masks."""
    areas, cases = read_areas(args.areas), open_store(args.store).cases
    masks = read_masks(args.masks, areas)
    unknown = sorted(set(areas["case"]) - set(cases["case"]))
    if unknown or areas.empty:
        problem = f"not in {args.store}: {', '.join(unknown)}" if unknown else "no rows"
        raise InputError(f"{args.areas}: {problem}")
    published = size_table(areas, cases, "exponent", args.settings)
    sound = size_table(areas, cases, "percentile", args.settings)
    with outputs(args.size, args.size_sound, args.mask_ef) as (size, size_sound, mask_ef):
        published.to_csv(size, index=False)
        sound.to_csv(size_sound, index=False)
        mask_ef_table(sound, masks).to_csv(mask_ef, index=False)


if __name__ == "__main__":
    run(main, arguments())
