"""The audit of a study's splits: proof that no patient, and no file or volume, is in two of them."""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from reprise.data.store import open_store
from reprise.step.command import json_object, run, step_parser
from reprise.step.errors import InputError, first_lines
from reprise.step.files import outputs

MOST_SHOWN = 20
# Options that an audit may have besides --store and --audit.
OPTIONS: dict[str, tuple[Callable[[str], Any], str]] = {
    "manifest": (Path, "CSV of the raw files, from check"),
    "settings": (json_object, "JSON object: how the study splits its cases"),
    "lists": (Path, "CSV of official lists of cases, from check"),
    "folds": (Path, "CSV to write: the fold of each case"),
    "leaks": (Path, "CSV to write: what official lists and splits share that they should not"),
}


class Split(NamedTuple):
    """How a study splits its cases."""

    cases: pd.DataFrame  # one row per case, with the columns case, split and the keys
    keys: Sequence[str] = ("patient", "sha256")  # no value of these columns may be in two splits
    facts: Mapping[str, Any] = {}  # what the audit says besides
    tables: Mapping[str, pd.DataFrame] = {}  # by option the tables to write, such as folds


def audit_step(
    description: str | None, split_cases: Callable[[argparse.Namespace, pd.DataFrame], Split], *options: str
) -> None:
    """Run the step that audits a study's splits.

    Args:
        description: of the step, for its --help.
        split_cases: is called with the step's options and the cases of the store.
        options: names of those of `OPTIONS` that the step has.
    """

    def main(args: argparse.Namespace) -> None:
        split = split_cases(args, open_store(args.store).cases)
        proof = audit_splits(split.cases, split.keys)
        with outputs(args.audit, *(getattr(args, name) for name in split.tables)) as (audit, *paths):
            audit.write_text(json.dumps(proof | dict(split.facts), indent=2) + "\n")
            for table, path in zip(split.tables.values(), paths, strict=True):
                table.to_csv(path, index=False)

    parser = step_parser(description)
    parser.add_argument("--store", type=Path, required=True, help="store of the data set")
    for name in options:
        kind, shown = OPTIONS[name]
        parser.add_argument(f"--{name}", type=kind, required=True, help=shown)
    parser.add_argument("--audit", type=Path, required=True, help="JSON to write")
    run(main, parser)


def audit_splits(cases: pd.DataFrame, keys: Sequence[str]) -> dict[str, Any]:
    """Show for each key (such as patient, or a file's hash) that none of its values is in more than one split.

    Args:
        cases: one row per case, with the columns case, split and the keys.

    Returns:
        {"cases": {split: number}, "keys": {key: {"distinct": number of values, "in_two_splits": 0}}}.

    Raises:
        InputError: a value is missing, or is in two splits; the message names the cases.
    """
    problems = [problem for key in keys for problem in _problems(cases, key)]
    if problems:
        raise InputError("\n  ".join(["splits are not separate:", *first_lines(problems, MOST_SHOWN)]))
    return {
        "cases": {str(split): int(count) for split, count in cases["split"].value_counts().sort_index().items()},
        "keys": {key: {"distinct": int(cases[key].nunique()), "in_two_splits": 0} for key in keys},
    }


def _problems(cases: pd.DataFrame, key: str) -> list[str]:
    missing = [f"{case} has no {key}" for case in cases.loc[cases[key].isna(), "case"]]
    shared = cases[cases.groupby(key)["split"].transform("nunique") > 1]
    return missing + [
        f"{key} {value}: " + ", ".join(f"{row['case']} ({row['split']})" for row in rows.to_dict("records"))
        for value, rows in shared.groupby(key, sort=False)
    ]
