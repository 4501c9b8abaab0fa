"""Folds of a cross-validation, from the table of cases alone."""

import pandas as pd

from reprise.step.errors import InputError

COLUMNS = {"patient": "patient", "scan": "case"}  # what must stay together, by unit


def assign_folds(cases: pd.DataFrame, unit: str, folds: int) -> pd.Series:
    """The fold 1..`folds` of each case; nothing is drawn at random.

    `patient`: patients in the table's order are dealt out in turn, all cases of one to the same fold; with as many
    folds as patients each is left out once. `scan`: the cases themselves are dealt out, so that the time points of one
    patient are spread over folds.

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
    """The split of each case when `scored` is the fold that gives the score.

    If it also chooses the epoch (`chooses`), its cases are "val" and all others "train". If not, they are "test", the
    next fold's are "val" and choose the epoch, and the rest is "train".

    Raises:
        InputError: nothing would be left to train on.
    """
    folds = int(fold.max())
    roles = {scored: "val"} if chooses else {scored: "test", scored % folds + 1: "val"}
    if len(roles) >= folds:
        raise InputError(f"expected at least {len(roles) + 1} folds, found {folds}")
    return fold.map(roles).fillna("train").rename("split")
