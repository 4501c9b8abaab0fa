"""Data for figures: scans ranked by Dice, and their slices with the confusion map of a mask."""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from mslesion.data.scan_volume import to_slices
from reprise.data.nifti import read_volume
from reprise.data.store import Store, slices_of
from reprise.plots.confusion_map import confusion_map
from reprise.step.errors import InputError
from reprise.step.tables import read_table

VOLUMES = {"case": str, "patient": str, "timepoint": int, "fold": int, "rater": int, "dice": float}
RATER = 1  # networks are trained on the masks of this rater


class Segmented(NamedTuple):
    """A scan's slices (N, H, W), their confusion map (N, H, W) against the first rater, and their spacing (N, H, W)."""

    image: np.ndarray
    codes: np.ndarray
    spacing_mm: tuple[float, float, float]


def add_segmented(parser: argparse.ArgumentParser) -> None:
    """Options for the scans of a run under a protocol: store, measures and masks."""
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--volumes", type=Path, required=True, help="RUN/PROTOCOL/volumes.csv")
    parser.add_argument("--masks", type=Path, required=True, help="RUN/PROTOCOL/masks")


def ranked_by_dice(volumes: Path) -> pd.DataFrame:
    """The scans of a run with their Dice against the first rater, lowest first: case, patient, timepoint, fold, dice.

    Raises:
        InputError: the table is damaged, has a scan twice, or has none.
    """
    table = read_table(volumes, VOLUMES).query(f"rater == {RATER}").dropna(subset=["dice"])
    twice = table.loc[table["case"].duplicated(), "case"]
    if len(twice) or table.empty:
        raise InputError(f"{volumes}: " + (f"twice: {', '.join(twice)}" if len(twice) else "no scans"))
    return table.sort_values(["dice", "case"], kind="stable").drop(columns="rater").reset_index(drop=True)


def segmented(store: Store, case: str, masks: Path) -> Segmented:
    """A scan with the confusion map of its mask in a folder.

    Raises:
        InputError: the scan is not in the store, or the mask is damaged or has another shape.
    """
    mask = masks / f"{case}.nii.gz"
    rows = store.cases[store.cases["case"] == case]
    if rows.empty:
        raise InputError(f"{mask}: {case} is not in the store")
    row = rows.iloc[0]
    image, true = (np.asarray(slices_of(store.arrays[name], row)) for name in ("flair", f"mask{RATER}"))
    found = to_slices(read_volume(mask).voxels)
    if found.shape != image.shape:
        raise InputError(f"{mask}: expected {image.shape} voxels, as the scan has, found {found.shape}")
    spacing = (float(row["slice_mm"]), float(row["row_mm"]), float(row["column_mm"]))
    return Segmented(image, confusion_map(found != 0, true != 0), spacing)
