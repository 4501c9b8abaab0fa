"""Examine a raw folder of multiple-sclerosis scans: manifest of its files, table of its scans, list of findings."""

import argparse
from pathlib import Path

from mslesion.data.raw_scans import check_dataset
from reprise.step.command import run, say, step_parser
from reprise.step.files import outputs


def arguments() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = step_parser(__doc__)
    parser.add_argument("--raw", type=Path, required=True, help="folder of scans, in one of the layouts known")
    parser.add_argument("--manifest", type=Path, required=True, help="CSV to write: path, size, hash and grid a file")
    parser.add_argument("--cases", type=Path, required=True, help="CSV to write: a row a scan")
    parser.add_argument("--findings", type=Path, required=True, help="CSV to write: what is unusual, and left out")
    return parser


def main(args: argparse.Namespace) -> None:
    """Check the folder, then write the three tables together."""
    checked = check_dataset(args.raw)
    with outputs(args.manifest, args.cases, args.findings) as paths:
        for table, path in zip(checked, paths, strict=True):
            table.to_csv(path, index=False)
    say(f"{len(checked.cases)} scans to store; {len(checked.findings)} findings")


if __name__ == "__main__":
    run(main, arguments())
