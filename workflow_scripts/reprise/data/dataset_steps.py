"""The steps that bring a data set in, each of them one call: make a phantom, check the raw folder, convert it."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from reprise.step.command import json_object, run, say, step_parser
from reprise.step.errors import InputError
from reprise.step.files import outputs

Tables = tuple[pd.DataFrame, pd.DataFrame]


def phantom_step(description: str | None, write_phantom: Callable[..., None], *settings: str) -> None:
    """Run the step that writes a study's phantom, on all cores that this process may use.

    Args:
        description: of the step, for its --help.
        write_phantom: is called with the folder, the settings in the order of their names, and the number of processes.
        settings: names of what --settings must hold.

    Raises:
        InputError: a setting is missing; and whatever `write_phantom` raises.
    """

    def main(args: argparse.Namespace) -> None:
        missing = [name for name in settings if name not in args.settings]
        if missing:
            raise InputError(f"--settings: expected {', '.join(settings)}; {', '.join(missing)} missing")
        write_phantom(args.output, *(args.settings[name] for name in settings), len(os.sched_getaffinity(0)))

    parser = step_parser(description)
    shown = f"JSON object with {', '.join(settings)}"
    parser.add_argument("--settings", type=json_object, required=True, help=shown)
    parser.add_argument("--output", type=Path, required=True, help="folder that becomes the raw data set")
    run(main, parser)


def check_step(description: str | None, check_dataset: Callable[[Path], Any], raw: str, **tables: str) -> None:
    """Run the step that checks a study's raw folder and writes all tables, or none.

    Args:
        description: of the step, for its --help.
        check_dataset: examines the folder; gives the tables of `reprise.data.findings.Checked`, and then the others;
            raises InputError with every problem in the folder.
        raw: what is in the folder, for --help.
        tables: for each other table the name of its option, and what it is, for --help.
    """

    def main(args: argparse.Namespace) -> None:
        checked = check_dataset(args.raw)
        with outputs(args.manifest, args.cases, args.findings, *(getattr(args, name) for name in tables)) as paths:
            for table, path in zip(checked, paths, strict=True):
                table.to_csv(path, index=False)
        say(f"{len(checked.cases)} cases to store; {len(checked.findings)} findings")

    parser = step_parser(description)
    parser.add_argument("--raw", type=Path, required=True, help=raw)
    parser.add_argument("--manifest", type=Path, required=True, help="CSV to write: path, size and hash of each file")
    parser.add_argument("--cases", type=Path, required=True, help="CSV to write: one row per case that can be stored")
    parser.add_argument("--findings", type=Path, required=True, help="CSV to write: what is unusual, what is left out")
    for name, shown in tables.items():
        parser.add_argument(f"--{name}", type=Path, required=True, help=shown)
    run(main, parser)


def convert_step(
    description: str | None,
    read_checked: Callable[[Path, Path], Tables],
    convert_dataset: Callable[..., None],
    **numbers: str,
) -> None:
    """Run the step that converts a study's checked folder to a store.

    Args:
        description: of the step, for its --help.
        read_checked: reads the two tables that the check has written; raises InputError if they are damaged.
        convert_dataset: is called with the raw folder, the manifest, the cases, the folder of the store, and
            then the numbers.
        numbers: for each whole number that the study needs the name of its option, and what it is, for --help.
    """

    def main(args: argparse.Namespace) -> None:
        tables, given = read_checked(args.manifest, args.cases), [getattr(args, name) for name in numbers]
        convert_dataset(args.raw, *tables, args.store, *given)

    parser = step_parser(description)
    parser.add_argument("--raw", type=Path, required=True, help="the folder that was checked")
    parser.add_argument("--manifest", type=Path, required=True, help="CSV of its files, from check")
    parser.add_argument("--cases", type=Path, required=True, help="CSV of its cases, from check")
    parser.add_argument("--store", type=Path, required=True, help="folder to write")
    for name, shown in numbers.items():
        parser.add_argument(f"--{name}", type=int, required=True, help=shown)
    run(main, parser)
