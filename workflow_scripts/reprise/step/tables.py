"""CSV tables with typed columns: a damaged value is found in its row."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from reprise.step.command import reading
from reprise.step.errors import InputError
from reprise.step.files import regular_size

# Options of pandas: NA, null and nan may be names of cases.
ONLY_EMPTY_IS_MISSING: dict[str, Any] = {"keep_default_na": False, "na_values": [""]}
NO_NUMBER = {"na", "nan"}  # what stands for a number that is missing
UNREADABLE = "not a readable table"
MOST_CELLS, MOST_COLUMNS, LARGEST_BYTES = 2**24, 1000, 2**28
PIECE_BYTES = 2**20
SPREADSHEET = (b"PK\3\4", b"\xd0\xcf\x11\xe0")  # how files of Excel begin, new and old
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
EXPECTED = {str: "a value", int: "a whole number", float: "a number", bool: "True or False"}
TRUTH = {"true": True, "1": True, "false": False, "0": False}


def read_table(path: str | Path, types: Mapping[str, type], *, header: bool = True) -> pd.DataFrame:
    """The columns of a CSV file named in `types`, each as str, int, bool or float; only floats may be missing (NaN).

    Without a header the file has exactly these columns, in this order.

    Raises:
        InputError: the file is no CSV, or a column or value is missing or of another type.
    """
    names = None if header else list(types)
    table = read_text_table(path, header=0 if header else None, names=names, skipinitialspace=True)
    absent = [name for name in types if name not in table]
    if not isinstance(table.index, pd.RangeIndex):
        raise InputError(f"{path}: expected {len(table.columns)} values a row, found more")
    if absent:
        raise InputError(f"{path}: expected the columns {','.join(types)}; found {','.join(map(str, table.columns))}")
    return pd.DataFrame({name: _typed(table[name], kind, path, 2 if header else 1) for name, kind in types.items()})


def read_text_table(path: str | Path, **options: Any) -> pd.DataFrame:
    """All cells of a CSV file as text; only an empty cell is missing. `options` are those of pandas.

    Raises:
        InputError: no regular file, no CSV, or more cells or columns than any table here has.
    """
    with reading(path, UNREADABLE):
        if regular_size(Path(path)) > LARGEST_BYTES:
            raise InputError(f"{path}: expected at most {LARGEST_BYTES >> 20} MB")
        refuse_oversized(Path(path))
        if other := other_kind(Path(path)):
            raise InputError(f"{path}: {UNREADABLE}: {other}")
        try:
            return pd.read_csv(path, dtype=str, **(ONLY_EMPTY_IS_MISSING | options))
        except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            reason = str(error).strip().rsplit("error: ", 1)[-1]
            raise InputError(f"{path}: {UNREADABLE}: {reason}") from error


def other_kind(path: Path) -> str:
    """What a file is that was meant to be a CSV file, and what to do; "" if it may be one."""
    with path.open("rb") as stream:
        first = stream.read(PIECE_BYTES).partition(b"\n")[0]
    if first.startswith(SPREADSHEET):
        return "a spreadsheet; save it as CSV"
    if first.startswith(UTF_16) or b"\0" in first:
        return "text in UTF-16, or no text; save it as CSV in UTF-8"
    if b"," not in first and (b";" in first or b"\t" in first):
        return "semicolons or tabs between its columns; save it with commas, and with points in numbers"
    return ""


def refuse_oversized(path: Path) -> None:
    """Raise InputError if a table has too many cells for the memory. Nothing is parsed for that."""
    cells = 0
    with path.open("rb") as stream:
        while piece := stream.read(PIECE_BYTES):
            if not cells and (columns := piece.partition(b"\n")[0].count(b",") + 1) > MOST_COLUMNS:
                raise InputError(f"{path}: expected at most {MOST_COLUMNS} columns, found {columns} or more")
            cells += piece.count(b",") + piece.count(b"\n")
            if cells > MOST_CELLS:
                raise InputError(f"{path}: expected at most {MOST_CELLS} cells, found more")


def _typed(column: pd.Series, kind: type, path: str | Path, first_line: int) -> pd.Series:
    wrong = column.isna()
    if kind is str:
        values = column
    elif kind is bool:
        values = column.str.lower().map(TRUTH)
        wrong = values.isna()
    else:
        values = pd.to_numeric(column, errors="coerce")
        there = column.notna() & ~column.str.lower().isin(NO_NUMBER)
        wrong = values.isna() & there if kind is float else values.isna() | (values % 1 != 0)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        found = repr(column[row]) if column.notna()[row] else "nothing"
        raise InputError(f"{path}: line {row + first_line}: {column.name}: expected {EXPECTED[kind]}, found {found}")
    return values.astype(kind)
