"""Proof that nothing which must stay in one split is in two."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from reprise.data.findings import first_lines
from reprise.step.errors import InputError

MOST_SHOWN = 20


def audit_splits(cases: pd.DataFrame, keys: Sequence[str]) -> dict[str, Any]:
    """Show for each key (a patient, a file's hash) that no value of it occurs in more than one split.

    Args:
        cases: a row a case, with the columns case, split and the keys.

    Returns:
        {"cases": {split: number}, "keys": {key: {"distinct": number of values, "in_two_splits": 0}}}.

    Raises:
        InputError: a value is missing, or is in two splits; names the cases.
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
