"""Prove that no patient and no video file is in two splits."""

import argparse
from pathlib import Path

import pandas as pd

from reprise.data.split_audit import Split, audit_step
from reprise.step.tables import read_table


def split_cases(args: argparse.Namespace, cases: pd.DataFrame) -> Split:
    """The published splits; each case gets the hash of its video file, from the manifest."""
    manifest = read_table(args.manifest, {"path": str, "sha256": str})
    hashes = manifest.set_index(manifest["path"].map(lambda path: Path(path).stem))["sha256"]
    return Split(cases.assign(sha256=cases["case"].map(hashes)))


if __name__ == "__main__":
    audit_step(__doc__, split_cases, "manifest")
