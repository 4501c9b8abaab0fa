"""Prove that no patient and no scan is in two folds, and write the table of folds."""

import argparse

import pandas as pd

from mslesion.analysis.protocols import has_folds
from reprise.data.split_audit import Split, audit_step
from reprise.data.splits import COLUMNS, assign_folds
from reprise.step.command import say


def split_cases(args: argparse.Namespace, cases: pd.DataFrame) -> Split:
    """Deal the scans out to folds.

    With the unit `scan`, the scans of one patient are in several folds on purpose; the audit then says how many
    patients that concerns.
    """
    unit = args.settings["unit"]
    own = cases["fold"].nunique() if cases["fold"].any() else 0
    if own and not has_folds(cases, args.settings["folds"]):
        say(f"the data has {own} folds of its own, which are not used: this run has {args.settings['folds']} folds")
    cases["fold"] = assign_folds(cases, unit, args.settings["folds"])
    spread = int((cases.groupby("patient")["fold"].nunique() > 1).sum())
    return Split(
        cases.assign(split="fold " + cases["fold"].astype(str)),
        keys=[COLUMNS[unit], "sha256"],
        facts={"unit": unit, "patients_in_two_folds": spread},
        tables={"folds": cases[["case", "patient", "timepoint", "fold"]]},
    )


if __name__ == "__main__":
    audit_step(__doc__, split_cases, "settings", "folds")
