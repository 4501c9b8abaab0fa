"""What all protocols share: the classes by name, and the split of each subject."""

import pandas as pd

from reprise.data.splits import assign_folds, split_for
from reprise.step.errors import InputError

PROTOCOLS = ("by_thesis", "by_master", "sound")
# The published protocols, each with its name in the settings and in the measures.
PUBLISHED = {"by_thesis": "thesis", "by_master": "master"}
# The classes in the order of a network's outputs; the tissues are all but the air around the brain.
CLASSES = ("air", "csf", "gm", "wm")
TISSUES = {"csf": 1, "gm": 2, "wm": 3}
LEAST_FOLDS = 3  # of `sound`: one is scored, one chooses the epoch, one trains
TRAINING_SHARE = 0.8  # of the labelled subjects, by `by_master`


def split_of(cases: pd.DataFrame, protocol: str, fold: int, folds: int) -> pd.Series:
    """The split of each subject: train, val, test, or unlabelled; nothing is random.

    `by_thesis`: the subject with the smallest number validates, all others train. `by_master`: of the subjects in the
    order of their names as text (subject-10 before subject-2), the first four fifths train, the others validate.
    `sound`: subjects are dealt to folds; those of `fold` are the test set, those of the next fold choose the epoch.

    Args:
        cases: with the columns case, subject and labelled.
        protocol: see `PROTOCOLS`.
        fold: from 1 on; the published protocols have one fold only.
        folds: the number of folds of `sound`.

    Raises:
        InputError: no such fold; or too few labelled subjects or folds, so that a split would be empty.
    """
    split = pd.Series("unlabelled", index=cases.index, name="split")
    labelled = cases[cases["labelled"] == 1]
    count = f"{len(labelled)} subject{'s' if len(labelled) != 1 else ''} with labels"
    last = folds if protocol == "sound" else 1
    if not 1 <= fold <= last:
        raise InputError(f"{protocol}: expected a fold from 1 to {last}, found {fold}")
    if protocol == "sound":
        if not LEAST_FOLDS <= folds <= len(labelled):
            raise InputError(
                f"sound: expected {LEAST_FOLDS} folds or more, a subject with labels in each; "
                f"found {folds} folds for {count}"
            )
        parts = split_for(assign_folds(labelled, "scan", folds), fold, chooses=False)
    else:
        parts = pd.Series("train", index=labelled.index)
        parts[_validating(labelled, protocol)] = "val"
    if {"train", "val"} - set(parts):
        raise InputError(f"{protocol}: expected one with labels for each of train, val; found {count}")
    split[parts.index] = parts
    return split


def _validating(labelled: pd.DataFrame, protocol: str) -> pd.Index:
    """The rows of the subjects that validate by a published protocol."""
    if protocol == "by_thesis":
        return labelled.sort_values("subject").index[:1]
    return labelled.sort_values("case").index[int(TRAINING_SHARE * len(labelled)) :]
