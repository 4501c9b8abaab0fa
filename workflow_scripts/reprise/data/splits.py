"""Folds of a cross-validation, from the table of cases alone."""

import pandas as pd

from reprise.step.errors import InputError

COLUMNS = {"patient": "patient", "scan": "case"}  # the column of what must stay together, by unit


def assign_folds(cases: pd.DataFrame, unit: str, folds: int) -> pd.Series:
    """The fold 1..`folds` of each case; nothing is random.

    `patient`: patients are dealt to the folds in turn, in the table's order, each with all its cases. With as many
    folds as patients, each patient is left out once. `scan`: cases are dealt to the folds in turn, so the time points
    of one patient are in several folds.

    Raises:
        InputError: fewer than 2 folds, or more than there are patients or scans.
    """
    units = cases[COLUMNS[unit]]
    ranks, distinct = pd.factorize(units)
    if not 2 <= folds <= len(distinct):
        there = f"{len(distinct)} {unit}{'s' if len(distinct) != 1 else ''}"
        raise InputError(f"folds: expected 2 or more, one {unit} or more in each of them; found {folds} for {there}")
    return pd.Series(ranks % folds + 1, index=cases.index, name="fold")


def split_for(fold: pd.Series, scored: int, *, chooses: bool) -> pd.Series:
    """The split of each case if the fold `scored` gives the score.

    If this fold also chooses the epoch (`chooses`), its cases are "val" and all others "train". Otherwise its cases are
    "test", those of the next fold are "val" and choose the epoch, and all others are "train".

    Raises:
        InputError: no fold would be left for training.
    """
    folds = int(fold.max())
    roles = {scored: "val"} if chooses else {scored: "test", scored % folds + 1: "val"}
    if len(roles) >= folds:
        raise InputError(f"expected at least {len(roles) + 1} folds, found {folds}")
    return fold.map(roles).fillna("train").rename("split")
