"""The results of the study's runs, read back for scoring."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from reprise.evaluation.runs import read_runs
from reprise.step.errors import InputError

FOLDS = ["network", "protocol", "fold"]
COUNTS = ("tp", "fp", "fn", "tn")
SLICES = ("all", "lesion_slices")
MEASURES = ("accuracy", "dice", "ppv", "sensitivity", "specificity", "volume_difference", "ltpr", "lfpr")
SIZES = ("load_ml", "true_load_ml", "lesions", "true_lesions")
VOLUMES = (
    {"case": str, "patient": str, "timepoint": int, "fold": int, "rater": int}
    | dict.fromkeys((*MEASURES, *SIZES), float)
    | {f"{count}_{slices}": int for slices in SLICES for count in COUNTS}
)
HISTORY = {"epoch": int} | dict.fromkeys(
    [f"val_{name}" for name in ("loss", "accuracy", "dice", "sensitivity", "specificity", "printed_specificity")]
    + ["val_error", "val_volume_error"],
    float,
)


class Results(NamedTuple):
    """Two tables with the columns network, protocol and fold, see `read_runs`."""

    volumes: pd.DataFrame  # one row per scan and rater
    history: pd.DataFrame  # one row per epoch


def read_results(volumes: Sequence[Path], history: Sequence[Path], cases: pd.DataFrame) -> Results:
    """All results of some runs on the cases of the store.

    Raises:
        InputError: a file is damaged or lies in no run's folder, or a run did not measure each of the store's scans
            once.
    """
    results = Results(read_runs(volumes, VOLUMES, ["protocol"]), read_runs(history, HISTORY, FOLDS[1:]))
    lost = results.history[results.history[["val_error", "val_volume_error"]].isna().any(axis=1)]
    problems = [
        f"history of {row.network}, {row.protocol}, fold {row.fold}: no error at epoch {row.epoch}"
        for row in lost.itertuples()
    ]
    unpaired = set.symmetric_difference(*(set(table[FOLDS].itertuples(index=False, name=None)) for table in results))
    problems += [
        f"{network}, {protocol}, fold {fold}: expected both a history and volumes, found one"
        for network, protocol, fold in sorted(unpaired)
    ]
    scans = list(cases["case"])
    for key, rows in results.volumes.groupby(["network", "protocol", "rater"], sort=False):
        problems += _not_each_once(key, rows["case"], scans)
    if problems:
        raise InputError(problems[0])
    return results


def _not_each_once(key: tuple[Any, ...], found: pd.Series, scans: Sequence[str]) -> list[str]:
    """Problems of measures: scans that are not in the store, measured twice, or not measured."""
    problems = {
        "not in the store": sorted(set(found) - set(scans)),
        "measured twice": sorted(set(found[found.duplicated()])),
        "not measured": [case for case in scans if case not in set(found)],
    }
    network, protocol, rater = key
    of_run = f"volumes of {network}, {protocol}, rater {rater}"
    return [f"{of_run}: {what}: {', '.join(names)}" for what, names in problems.items() if names]
