"""What both protocols share: the structures and phases by name, and the patients of each split."""

import pandas as pd

from reprise.step.errors import InputError

PROTOCOLS = ("published", "sound")
# The labels: cavity of the right ventricle, myocardium of the left ventricle, and its cavity.
STRUCTURES = {"rv": 1, "myo": 2, "lv": 3}
PHASES = ("ED", "ES")


def splits(cases: pd.DataFrame, every: int) -> pd.Series:
    """The split of each case by the sound protocol: train, val or test; nothing is random.

    The official testing patients are the test set. Of the training patients of each group, in the table's order, the
    patient number `every` validates, and so does each `every`-th after it. Both frames of a patient are in one split.

    Args:
        cases: with the columns patient, official (training | testing) and group.
        every: 2 or more.

    Raises:
        InputError: a split would have no patient.
    """
    patients = cases.drop_duplicates("patient")
    training = patients[patients["official"] == "training"]
    rank = training.groupby(training["group"].fillna("")).cumcount() + 1
    validates = set(training["patient"][rank % every == 0])
    split = cases["patient"].isin(validates).map({True: "val", False: "train"})
    split = split.mask(cases["official"] == "testing", "test").rename("split")
    for name, least in (("train", "1"), ("val", f"{every} of one group"), ("test", "1")):
        if not (split == name).any():
            kind = "testing" if name == "test" else "training"
            found = patients["official"].eq(kind).sum()
            raise InputError(f"no patient is left for {name}: expected {least} or more {kind} patients, found {found}")
    return split
