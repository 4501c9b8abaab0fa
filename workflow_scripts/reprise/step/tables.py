"""CSV tables with typed columns: a damaged value is found in its row."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from reprise.step.errors import InputError

EXPECTED = {str: "a value", int: "a whole number", float: "a number", bool: "True or False"}
TRUTH = {"true": True, "1": True, "false": False, "0": False}


def read_table(path: str | Path, types: Mapping[str, type], *, header: bool = True) -> pd.DataFrame:
    """The columns of a CSV file named in `types`, each as str, int, bool or float; only floats may be missing (NaN).

    Without a header the file has exactly these columns, in this order.

    Raises:
        InputError: the file is no CSV, or a column or value is missing or of another type.
    """
    try:
        names = None if header else list(types)
        table = pd.read_csv(path, dtype=str, header=0 if header else None, names=names, skipinitialspace=True)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path}: not a readable table: {error}") from error
    absent = [name for name in types if name not in table]
    if not isinstance(table.index, pd.RangeIndex):
        raise InputError(f"{path}: expected {len(table.columns)} values a row, found more")
    if absent:
        raise InputError(f"{path}: expected the columns {','.join(types)}; found {','.join(map(str, table.columns))}")
    return pd.DataFrame({name: _typed(table[name], kind, path, 2 if header else 1) for name, kind in types.items()})


def _typed(column: pd.Series, kind: type, path: str | Path, first_line: int) -> pd.Series:
    wrong = column.isna()
    if kind is str:
        values = column
    elif kind is bool:
        values = column.str.lower().map(TRUTH)
        wrong = values.isna()
    else:
        values = pd.to_numeric(column, errors="coerce")
        wrong = values.isna() & column.notna() if kind is float else values.isna() | (values % 1 != 0)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        found = repr(column[row]) if column.notna()[row] else "nothing"
        raise InputError(f"{path}: line {row + first_line}: {column.name}: expected {EXPECTED[kind]}, found {found}")
    return values.astype(kind)
