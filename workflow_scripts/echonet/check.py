"""Examine a raw EchoNet-Dynamic folder: manifest of its files, table of its usable cases, list of findings."""

import argparse
from pathlib import Path

from echonet.data.raw_dataset import check_dataset
from reprise.step.command import run, say, step_parser
from reprise.step.files import outputs


def arguments() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = step_parser(__doc__)
    parser.add_argument("--raw", type=Path, required=True, help="folder with FileList.csv, VolumeTracings.csv, Videos/")
    parser.add_argument("--manifest", type=Path, required=True, help="CSV to write: path, size, hash and header a file")
    parser.add_argument("--cases", type=Path, required=True, help="CSV to write: a row a video that can be stored")
    parser.add_argument(
        "--findings", type=Path, required=True, help="CSV to write: what is unusual, and what is left out"
    )
    return parser


def main(args: argparse.Namespace) -> None:
    """Check the folder, then write the three tables together."""
    checked = check_dataset(args.raw)
    with outputs(args.manifest, args.cases, args.findings) as paths:
        for table, path in zip(checked, paths, strict=True):
            table.to_csv(path, index=False)
    traced = (checked.cases["traced"] >= 0).sum()
    say(f"{len(checked.cases)} videos to store, {traced} of them traced; {len(checked.findings)} findings")


if __name__ == "__main__":
    run(main, arguments())
