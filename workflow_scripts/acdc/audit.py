"""Prove that no patient and no frame is in two splits of the sound protocol."""

import argparse

import pandas as pd

from acdc.analysis.protocols import splits
from acdc.data.conversion import structures_of
from reprise.data.split_audit import Split, audit_step


def split_cases(args: argparse.Namespace, cases: pd.DataFrame) -> Split:
    """Both frames of each patient in the patient's split; the audit also counts patients, and names the structures."""
    cases = cases.assign(split=splits(cases, args.settings["validation"]))
    patients = cases.groupby("split")["patient"].nunique().to_dict()
    return Split(cases, facts={"patients": patients, "structures": structures_of(cases)})


if __name__ == "__main__":
    audit_step(__doc__, split_cases, "settings")
