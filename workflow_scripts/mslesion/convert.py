"""Read checked multiple-sclerosis scans into the store, once, in one orientation and without loss."""

import argparse
from pathlib import Path

from mslesion.data.conversion import convert_dataset, read_checked
from reprise.step.command import run, step_parser


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
    convert_dataset(args.raw, *read_checked(args.manifest, args.cases), args.store)


if __name__ == "__main__":
    run(main, arguments())
