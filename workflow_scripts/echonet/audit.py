"""Prove that no patient and no video file is in two splits."""

import argparse
import json
from pathlib import Path

import pandas as pd

from reprise.data.split_audit import audit_splits
from reprise.data.store import open_store
from reprise.step.command import run, step_parser
from reprise.step.files import outputs


def arguments() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="store of the data set")
    parser.add_argument("--manifest", type=Path, required=True, help="CSV of its raw files, from check")
    parser.add_argument("--audit", type=Path, required=True, help="JSON to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Join each case with its file's hash, compare the splits, write what was proved."""
    manifest = pd.read_csv(args.manifest)
    hashes = {Path(path).stem: sha256 for path, sha256 in zip(manifest["path"], manifest["sha256"], strict=True)}
    cases = open_store(args.store).cases
    proof = audit_splits(cases.assign(sha256=cases["case"].map(hashes)), ["patient", "sha256"])
    with outputs(args.audit) as (path,):
        path.write_text(json.dumps(proof, indent=2) + "\n")


if __name__ == "__main__":
    run(main, arguments())
