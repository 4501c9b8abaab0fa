"""Make the slices that the published protocol trains and tests on, with its augmentation and its split."""

import argparse
from pathlib import Path

from reprise.step.command import json_object, run, step_parser


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--settings", type=json_object, required=True, help="JSON: slices, see config/acdc.yaml")
    parser.add_argument("--slices", type=Path, required=True, help="store to write")
    return parser


def main(args: argparse.Namespace) -> None:
    """Write the store of slices."""
    from acdc.learning.published_slices import published_slices
    from reprise.data.store import open_store, write_store

    cases, arrays = open_store(args.store)
    table, images, labels = published_slices(cases, arrays, args.settings)
    write_store(args.slices, table, {"image": images, "labels": labels})


if __name__ == "__main__":
    run(main, arguments())
