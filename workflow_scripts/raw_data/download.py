"""Download a study's raw data, by name or by link, unless it is there. Only it and weights/fetch.py use the network."""

import argparse
import json
from pathlib import Path

from reprise.step.command import json_object, run, step_parser
from reprise.step.errors import InputError
from reprise.step.files import WRITTEN, outputs


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    shown = "JSON object: a row of config/datasets.yaml, or only `archive`, a link"
    parser.add_argument("--settings", type=json_object, required=True, help=shown)
    parser.add_argument("--mirror", default="none", help="URL to fetch from instead; each host is a folder below it")
    parser.add_argument("--folder", type=Path, required=True, help="folder that gets the data set")
    parser.add_argument("--receipt", type=Path, required=True, help="JSON to write: source, SHA-256 of each file")
    return parser


def main(args: argparse.Namespace) -> None:
    """Fetch and verify the data set, and write its receipt."""
    from reprise.data.raw_sets import fetch_set

    if not {"files", "archive"} & args.settings.keys():
        raise InputError("nothing to download: config.yaml names no set and no link as this study's data")
    record = fetch_set(args.settings, args.folder, "" if args.mirror == "none" else args.mirror)
    with outputs(args.receipt) as (receipt,):
        receipt.write_text(json.dumps(record, indent=1))
    # A file that is missing later then makes the step run again.
    WRITTEN.extend(args.folder / path for path in record["files"])


if __name__ == "__main__":
    run(main, arguments())
