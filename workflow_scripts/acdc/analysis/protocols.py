"""What both protocols share: the structures and phases by name, and the patients of each split."""

import pandas as pd

from reprise.data.splits import assign_folds
from reprise.step.errors import InputError

PROTOCOLS = ("published", "sound")
# The labels: cavity of the right ventricle, myocardium of the left ventricle, and its cavity.
STRUCTURES = {"rv": 1, "myo": 2, "lv": 3}
PHASES = ("ED", "ES")


def splits(cases: pd.DataFrame, every: int) -> pd.Series:
    """The split of each case by the sound protocol: train, val or test; nothing is random.

    The official testing patients are the test set. Of the training patients, ordered by group and then as in the table,
    each `every`-th validates. So all groups have their share, and both frames of a patient are in one split.

    Args:
        cases: with the columns patient, official (training | testing) and group, which may be missing.
        every: 2 or more.

    Raises:
        InputError: a split would have no patient.
    """
    split = cases["official"].map({"testing": "test", "training": "train"}).rename("split")
    training = cases[split == "train"].sort_values("group", kind="stable")
    patients = training["patient"].nunique()
    if patients < every or not (split == "test").any():
        tested = cases.loc[split == "test", "patient"].nunique()
        raise InputError(
            f"expected {every} training patients or more, so that one of them validates, and a testing patient; found "
            f"{patients} and {tested}"
        )
    validates = assign_folds(training, "patient", every) == every
    return split.mask(split.index.isin(training.index[validates]), "val")
