"""Draw base, middle and apex of test patients at ED and ES, with true and false positives and negatives."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from acdc.analysis.overlay_figure import PLACES, Row, chosen_slices, draw_overlays, heart_box, structure_codes
from acdc.analysis.protocols import PHASES, STRUCTURES
from acdc.analysis.shown import ENSEMBLE
from acdc.data.conversion import slices_of, structures_of
from acdc.data.short_axis import to_slices
from reprise.data.nifti import read_volume
from reprise.data.store import Store, open_store
from reprise.plots.confusion_map import COUNTS, KINDS, as_grey
from reprise.plots.steps import DECIMALS, figure_parser
from reprise.plots.style import save_figure
from reprise.step.command import json_object, run
from reprise.step.errors import InputError
from reprise.step.tables import read_table

SCORES = {"method": str, "split": str, "case": str, "patient": str, "phase": str, "structure": str, "dice": float}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--scores", type=Path, required=True, help="scores.csv: a row per method, case and structure")
    parser.add_argument("--masks", type=Path, required=True, help="folder METHOD/CASE.nii.gz")
    parser.add_argument("--settings", type=json_object, required=True, help='{"patients": how many}')
    return parser


def main(args: argparse.Namespace) -> None:
    """Choose patients at evenly spaced ranks of Dice, and draw three slices of each of their phases."""
    store = open_store(args.store)
    ranked = ranked_patients(args.scores, ENSEMBLE)
    ranks = np.unique(np.linspace(0, len(ranked) - 1, args.settings["patients"]).round()).astype(int)
    rows, table = [], []
    for rank in ranks:
        patient = ranked.index[rank]
        for phase in PHASES:
            case = case_of(store, f"{patient}-{phase}")
            dice = float(ranked[phase].iloc[rank])
            mask = args.masks / ENSEMBLE / f"{case['case']}.nii.gz"
            row, places = overlay(store, case, mask, f"{patient}\n{phase}, Dice {dice:.2f}")
            rows.append(row)
            named = {"method": ENSEMBLE, "rank": rank + 1, "of": len(ranked), "case": case["case"], "dice": dice}
            table += [named | place for place in counted(row, places, structures_of(store.cases))]
    save_figure(draw_overlays(rows), args.figure, pd.DataFrame(table).round(DECIMALS), args.table)


def ranked_patients(path: Path, method: str) -> pd.DataFrame:
    """The mean Dice over structures of each test patient (index) at ED and at ES (columns), lowest patient first.

    Raises:
        InputError: the table is damaged, or has no test patient of this method.
    """
    table = read_table(path, SCORES)
    own = table[(table["method"] == method) & (table["split"] == "test")]
    if own.empty:
        raise InputError(f"{path}: no test patient of {method}")
    dice = own.pivot_table(index="patient", columns="phase", values="dice", aggfunc="mean")[list(PHASES)]
    return dice.loc[dice.mean(axis=1).sort_values(kind="stable").index]


def case_of(store: Store, name: str) -> dict[str, Any]:
    """The row of a case in the store."""
    return dict(store.cases[store.cases["case"] == name].iloc[0])


def overlay(store: Store, case: dict[str, Any], path: Path, label: str) -> tuple[Row, list[int]]:
    """The row of the figure for a case and its mask, and the numbers of its slices, from 0.

    Raises:
        InputError: the mask is damaged or has another shape.
    """
    image, truth = (np.asarray(slices_of(store.arrays[name], case)) for name in ("image", "labels"))
    found = to_slices(read_volume(path).voxels, case["orientation"])
    if found.shape != truth.shape:
        raise InputError(f"{path}: expected {truth.shape} voxels, as the frame has, found {found.shape}")
    places = chosen_slices(truth)
    labels = [STRUCTURES[name] for name in structures_of(store.cases)]
    codes = structure_codes(found[places], truth[places], labels)
    box = (..., *heart_box(codes))
    return Row(as_grey(image)[places][box], codes[box], label, case["row_mm"] / case["column_mm"]), places


def counted(row: Row, places: list[int], structures: list[str]) -> Iterator[dict[str, Any]]:
    """The pixels of each kind in each slice and structure of a row of the figure."""
    for at, (place, number) in enumerate(zip(PLACES, places, strict=True)):
        for structure, codes in zip(structures, row.codes[:, at], strict=True):
            counts = dict(zip(COUNTS, (int((codes == code).sum()) for code in KINDS), strict=True))
            yield {"place": place, "slice": number + 1, "structure": structure, **counts}


if __name__ == "__main__":
    run(main, arguments())
