"""Name each file of a user's own folder, and write the key: the table that leads from each name to its file."""

import argparse
import os
from pathlib import Path

from reprise.data.own_files import name_own_files, write_key
from reprise.engine.folders import OWN_FOLDER
from reprise.step.command import run, say, step_parser
from reprise.step.errors import InputError
from reprise.step.files import outputs


def arguments() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = step_parser(__doc__)
    folder = os.environ.get(OWN_FOLDER)
    shown = f"folder of files, searched to any depth; without it, the one that {OWN_FOLDER} in the environment names"
    parser.add_argument("--input", type=Path, required=folder is None, default=folder, help=shown)
    parser.add_argument(
        "--keep-names", choices=["yes", "no"], default="no", help="yes: cases keep the names of their files"
    )
    parser.add_argument("--key", type=Path, required=True, help="CSV to write, which only you can read")
    return parser


def main(args: argparse.Namespace) -> None:
    """Read each file once for its digest, then write the key."""
    if not args.input.is_dir():
        raise InputError("--input: expected a folder, found none of this name")
    files = name_own_files(args.input, args.keep_names == "yes")
    if not files:
        raise InputError("--input: no file in this folder")
    with outputs(args.key) as (key,):
        write_key(key, files)
    say(f"{len(files)} files; {args.key} leads from each case to its file")


if __name__ == "__main__":
    run(main, arguments())
