"""Join the networks' cached probabilities to ensembles, and score all of them: tables, and masks of the test cases."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reprise.data.store import Store, open_store
from reprise.step.command import json_object, progress, run, say, step_parser
from reprise.step.files import outputs

MASKED = ("equal", "simplex")  # and the best network: whose masks are written
TABLES = {
    "weights": "each method's members and their shares",
    "scores": "one row per method, case and structure",
    "calibration": "one row per method and split, before and after one temperature",
    "bins": "reliability of each method on the test cases, by bin of confidence",
    "diversity": "one row per pair of networks",
    "habits": "Dice of each test case under habits of the published grid",
}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument(
        "--probabilities", type=Path, nargs="+", required=True, help="RUN/sound/probabilities, all of them"
    )
    parser.add_argument("--settings", type=json_object, required=True, help="JSON: models, seed, ensembles, slices")
    for name, what in TABLES.items():
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"CSV to write: {what}")
    parser.add_argument("--masks", type=Path, required=True, help="folder to write: METHOD/CASE.nii.gz")
    return parser


def main(args: argparse.Namespace) -> None:
    """Fit on validation patients, then score every method on validation and test patients, and write all tables."""
    from acdc.analysis.calibration import calibrate, diversity
    from acdc.analysis.ensembles import methods
    from acdc.analysis.members import read_cached

    store, settings = open_store(args.store), args.settings
    networks = settings["models"]["segmentation"]
    cached = read_cached(args.probabilities, store)
    found, best = methods(cached, settings["models"], settings["ensembles"]["draws"], settings["seed"])
    say(f"best single network on validation patients: {best}")
    tables = {"weights": weight_table(found), "diversity": diversity(cached, networks)}
    tables["calibration"], tables["bins"] = calibrate(cached, found)
    with outputs(args.masks, *(getattr(args, name) for name in TABLES)) as (folder, *files):
        tables["scores"], tables["habits"] = score_cases(cached, found, best, store, settings["slices"], folder)
        for name, file in zip(TABLES, files, strict=True):
            tables[name].to_csv(file, index=False)
    say(f"{len(found)} methods, {len(cached.cases)} cases")


def weight_table(methods: Sequence[Any]) -> pd.DataFrame:
    """The share of each member in each method."""
    totals = {method.name: sum(part.weight for part in method.parts) for method in methods}
    rows = [(each.name, part.name, part.weight / totals[each.name]) for each in methods for part in each.parts]
    return pd.DataFrame(rows, columns=["method", "member", "weight"])


def score_cases(
    cached: Any, methods: Sequence[Any], best: str, store: Store, grid: dict[str, int], folder: Path
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of each method, case and structure, and Dice of the best network under habits of the published grid.

    Masks of the test cases by some methods go to METHOD/CASE.nii.gz below `folder`.
    """
    from acdc.analysis.heart_scores import structure_rows
    from acdc.analysis.members import classes_of
    from acdc.data.conversion import write_labels

    masked = (best, *MASKED)
    for name in masked:
        (folder / name).mkdir(parents=True)
    rows: list[dict[str, Any]] = []
    habits: list[dict[str, Any]] = []
    for case in progress(cached.cases.to_dict("records"), "cases scored"):
        true = cached.labels[case["case"]]
        found = {method.name: classes_of(cached.members, method, case) for method in methods}
        for name, classes in found.items():
            of_case = structure_rows(classes, true, case, cached.structures)
            rows += [{"method": name, "split": case["split"]} | row for row in of_case]
        if case["split"] == "test":
            habits += habit_rows(found[best], true, case, cached.structures, grid)
            for name in masked:
                write_labels(
                    folder / name / f"{case['case']}.nii.gz", found[name], store.arrays["headers"][case["row"]]
                )
    return pd.DataFrame(rows), pd.DataFrame(habits)


def habit_rows(
    found: np.ndarray, true: np.ndarray, case: dict[Any, Any], structures: Sequence[str], grid: dict[str, int]
) -> Iterator[dict[str, Any]]:
    """The rows of `grid_rows` with the case and patient."""
    from acdc.analysis.grid_habits import grid_rows

    shape = (grid["slices"], grid["size"], grid["size"])
    for row in grid_rows(found, true, structures, shape):
        yield {"case": case["case"], "patient": case["patient"]} | row


if __name__ == "__main__":
    run(main, arguments())
