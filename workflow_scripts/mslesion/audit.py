"""Prove that no patient and no scan is in two folds, and write down the folds."""

import argparse
import json
from pathlib import Path

from reprise.data.split_audit import audit_splits
from reprise.data.splits import COLUMNS, assign_folds
from reprise.data.store import open_store
from reprise.step.command import json_object, run, step_parser
from reprise.step.files import outputs


def arguments() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="store of the data set")
    parser.add_argument("--settings", type=json_object, required=True, help='{"unit": "patient" | "scan", "folds"}')
    parser.add_argument("--audit", type=Path, required=True, help="JSON to write")
    parser.add_argument("--folds", type=Path, required=True, help="CSV to write: case, patient, timepoint, fold")
    return parser


def main(args: argparse.Namespace) -> None:
    """Deal the scans out, compare the folds, and write what was proved.

    With the unit `scan` a patient is in several folds on purpose; how many are is then written down instead.
    """
    cases = open_store(args.store).cases
    unit, folds = args.settings["unit"], args.settings["folds"]
    cases["fold"] = assign_folds(cases, unit, folds)
    proof = audit_splits(cases.assign(split="fold " + cases["fold"].astype(str)), [COLUMNS[unit], "sha256"])
    spread = int((cases.groupby("patient")["fold"].nunique() > 1).sum())
    with outputs(args.audit, args.folds) as (audit, table):
        audit.write_text(json.dumps({"unit": unit, **proof, "patients_in_two_folds": spread}, indent=2) + "\n")
        cases[["case", "patient", "timepoint", "fold"]].to_csv(table, index=False)


if __name__ == "__main__":
    run(main, arguments())
