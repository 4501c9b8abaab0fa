"""Turn a folder of echo clips (DICOM, AVI, MP4, MOV) into 112 x 112 AVIs that identify nobody."""

import argparse
from pathlib import Path

from echonet.data.standard_clips import import_folder
from reprise.data.findings import Findings
from reprise.step.command import run, say, step_parser
from reprise.step.files import outputs


def arguments() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = step_parser(__doc__)
    parser.add_argument("--input", type=Path, required=True, help="folder of clips, searched to any depth")
    parser.add_argument("--output", type=Path, required=True, help="folder for Videos/*.avi and clips.csv")
    parser.add_argument("--findings", type=Path, required=True, help="CSV of what is odd or unreadable")
    return parser


def main(args: argparse.Namespace) -> None:
    """Convert all clips that can be read; list the others in the findings."""
    findings = Findings()
    with outputs(args.output, args.findings) as (folder, table):
        (folder / "Videos").mkdir(parents=True)
        clips = import_folder(args.input, folder / "Videos", findings)
        clips.to_csv(folder / "clips.csv", index=False)
        findings.table().to_csv(table, index=False)
    say(f"{len(clips)} clips converted, {findings.excluded()} left out")


if __name__ == "__main__":
    run(main, arguments())
