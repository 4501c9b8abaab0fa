"""Decode a checked EchoNet-Dynamic folder into the store, once and without loss."""

import argparse
from pathlib import Path

import pandas as pd

from echonet.data.conversion import convert_dataset
from reprise.step.command import run, step_parser


def arguments() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = step_parser(__doc__)
    parser.add_argument("--raw", type=Path, required=True, help="folder with FileList.csv, VolumeTracings.csv, Videos/")
    parser.add_argument("--manifest", type=Path, required=True, help="CSV of its files, from check")
    parser.add_argument("--cases", type=Path, required=True, help="CSV of its usable cases, from check")
    parser.add_argument("--store", type=Path, required=True, help="folder to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Decode and verify every video, and write the store."""
    manifest = pd.read_csv(args.manifest)
    cases = pd.read_csv(args.cases, dtype={"case": str, "patient": str})
    convert_dataset(args.raw, manifest, cases, args.store)


if __name__ == "__main__":
    run(main, arguments())
