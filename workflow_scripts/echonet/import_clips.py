"""Turn a user's echo clips (DICOM, AVI, MP4, MOV) into 112 x 112 AVIs that identify nobody."""

import argparse
from pathlib import Path

from echonet.data.standard_clips import import_clips
from reprise.data.findings import Findings, refuse_nothing
from reprise.data.own_files import read_key
from reprise.step.command import run, say, step_parser
from reprise.step.files import outputs


def arguments() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = step_parser(__doc__)
    parser.add_argument("--key", type=Path, required=True, help="key of name_files.py, which lists the files")
    parser.add_argument(
        "--alone",
        choices=["yes", "no"],
        default="yes",
        help="no: there are files for other studies, too",
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for Videos/*.avi and clips.csv")
    parser.add_argument("--findings", type=Path, required=True, help="CSV of what is odd or unreadable")
    return parser


def main(args: argparse.Namespace) -> None:
    """Convert all clips that can be read; list the others in the findings."""
    findings = Findings()
    with outputs(args.output, args.findings) as (folder, table):
        (folder / "Videos").mkdir(parents=True)
        clips = import_clips(read_key(args.key), folder / "Videos", findings)
        if args.alone == "yes":
            refuse_nothing(clips, "no clip in the folder", findings)
        clips.to_csv(folder / "clips.csv", index=False)
        findings.table().to_csv(table, index=False)
    say(f"{len(clips)} clips converted, {findings.excluded()} files left out")


if __name__ == "__main__":
    run(main, arguments())
