"""The protocols before training: which cases each fold is scored on, and which windows of slices there are."""

from typing import Any

import numpy as np
import pandas as pd

from mslesion.learning.windows import CENTRE, list_windows, scan_windows
from reprise.data.splits import assign_folds, split_for

# `by_patient` is `published`, but patients are assigned to folds. The difference shows what the leak adds.
PROTOCOLS = ("published", "by_patient", "sound")
# The column of the history whose lowest value chooses the epoch.
CHOSEN_BY = {"published": "val_error", "by_patient": "val_error", "sound": "val_volume_error"}


def has_folds(cases: pd.DataFrame, folds: int) -> bool:
    """Whether the data has its own folds, and as many as this run: those of an image tree, see `find_scans`."""
    return set(cases["fold"]) == {*range(1, folds + 1)}


def splits(cases: pd.DataFrame, protocol: str, folds: int, fold: int) -> pd.Series:
    """The split of each case when `fold` is scored.

    `published`: scans are assigned to folds, so time points of a patient are in several; folds of an image tree are
    used as they are. The scored fold (val) also chooses the epoch. `by_patient`: patients are assigned, and the scored
    fold still chooses. `sound`: patients are assigned, and the fold after the scored one (test) chooses (val).
    """
    if protocol == "published" and has_folds(cases, folds):
        assigned = cases["fold"]
    else:
        assigned = assign_folds(cases, "scan" if protocol == "published" else "patient", folds)
    return split_for(assigned, fold, chooses=protocol != "sound")


def scored(cases: pd.DataFrame, protocol: str, folds: int, fold: int) -> pd.DataFrame:
    """The cases on which a fold is scored."""
    split = splits(cases, protocol, folds, fold)
    return cases[split == ("test" if protocol == "sound" else "val")]


def windows(cases: pd.DataFrame, lesion: np.ndarray, split: pd.Series, protocol: str) -> tuple[np.ndarray, np.ndarray]:
    """Windows (T, 3) and (V, 3) of slice indices to train and to validate on.

    `published`, `by_patient`: neighbours in the list of all slices with a lesion, across scans. `sound`: true
    neighbours in a scan.

    Args:
        cases: in the order in which their slices lie one after another.
        lesion: (N,) bool, whether a slice has a lesion.
        split: of each case.
        protocol: see `PROTOCOLS`.
    """
    of_slice: Any = np.repeat(split.to_numpy(), cases["slices"])
    if protocol != "sound":
        return tuple(list_windows(np.flatnonzero(lesion & (of_slice == part))) for part in ("train", "val"))  # type: ignore[return-value]
    every = scan_windows(cases["slices"])
    return tuple(every[of_slice[every[:, CENTRE]] == part] for part in ("train", "val"))  # type: ignore[return-value]
