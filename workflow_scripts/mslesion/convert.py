"""Read checked multiple-sclerosis scans into the store, once, in one orientation and without loss."""

import argparse
from pathlib import Path

import pandas as pd

from reprise.command import run, step_parser
from reprise.formats.ms_convert import convert_dataset


def arguments() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = step_parser(__doc__)
    parser.add_argument("--raw", type=Path, required=True, help="folder of scans, as it was checked")
    parser.add_argument("--manifest", type=Path, required=True, help="CSV of its files, from check")
    parser.add_argument("--cases", type=Path, required=True, help="CSV of its scans, from check")
    parser.add_argument("--store", type=Path, required=True, help="folder to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Read and verify every volume, and write the store."""
    manifest = pd.read_csv(args.manifest, dtype={"case": str})
    cases = pd.read_csv(args.cases, dtype={"case": str, "patient": str})
    convert_dataset(args.raw, manifest, cases, args.store)


if __name__ == "__main__":
    run(main, arguments())
