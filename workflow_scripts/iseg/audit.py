"""Prove that no subject and no T1 is in two splits, in each fold of the sound protocol."""

import argparse

import pandas as pd

from iseg.analysis.protocols import split_of
from reprise.data.split_audit import Split, audit_splits, audit_step

KEYS = ("subject", "sha256")


def split_cases(args: argparse.Namespace, cases: pd.DataFrame) -> Split:
    """The splits of the first fold; those of the other folds are looked at, too."""
    folds = args.settings["folds"]
    splits = [cases.assign(split=split_of(cases, "sound", fold, folds)) for fold in range(1, folds + 1)]
    for split in splits:
        audit_splits(split, KEYS)
    published = {name: split_of(cases, name, 1, folds) for name in ("by_thesis", "by_master")}
    validating = {name: list(cases.loc[parts == "val", "case"]) for name, parts in published.items()}
    facts = {"labelled": int(cases["labelled"].sum()), "folds": folds, "validating": validating}
    return Split(splits[0], KEYS, facts)


if __name__ == "__main__":
    audit_step(__doc__, split_cases, "settings")
