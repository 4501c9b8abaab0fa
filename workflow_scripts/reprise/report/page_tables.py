"""Tables for a page: rounded numbers, intervals beside their values, long tables cut."""

import math
from typing import Any, NamedTuple

import pandas as pd

MINUS, ABSENT = "\N{MINUS SIGN}", "\N{EN DASH}"
SIGNIFICANT_DIGITS = 4
INTERVAL = ("ci_low", "ci_high")
_NUMBER = rf"[{MINUS}-]?\d[\d,.]*"
_NUMBERS = rf"{_NUMBER}%?(?: \({_NUMBER}(?:\N{{EN DASH}}| to ){_NUMBER}\))?"
HEADINGS = {
    "n": "n",
    "quirk": "Habit",
    "ci_level": "Interval",
    "auc": "AUC",
    "mae": "MAE",
    "rmse": "RMSE",
    "fps": "FPS",
}


class Cell(NamedTuple):
    """A cell's text, and whether it is a number."""

    text: str
    numeric: bool


class Table(NamedTuple):
    """A table's head, the rows that are shown, and the number of all rows."""

    head: list[Cell]
    rows: list[list[Cell]]
    of: int


def as_table(frame: pd.DataFrame, most_rows: int) -> Table:
    """Lay out a data frame.

    Floats have four significant digits of their column's largest value. If a column `unit` names the unit of each row,
    pure numbers ("1") have three decimals, or more if they are small, and others have two. The columns `value`,
    `ci_low` and `ci_high` become one column.
    """
    names = [str(name) for name in frame.columns]
    merged = {"value", *INTERVAL} <= set(names)
    shown = [name for name in names if not (merged and name in INTERVAL)]
    numeric = {name: _is_numeric(column) for name, column in frame.items()}
    decimals = {str(name): _decimals(column) for name, column in frame.items()}
    rows = []
    for record in frame.head(most_rows).to_dict("records"):
        texts = _texts(record, decimals)
        if merged:
            texts["value"] = with_interval(*(texts[name] for name in ("value", *INTERVAL)))
        rows.append([Cell(texts[name], numeric[name]) for name in shown])
    return Table([Cell(_heading(name), numeric[name]) for name in shown], rows, len(frame))


def number(value: float, decimals: int | None) -> str:
    """A number with commas between thousands, a true minus sign and so many decimals (None: as a whole number)."""
    if math.isnan(value):
        return ABSENT
    text = f"{abs(value):,.{decimals or 0}f}"
    return (MINUS if value < 0 and text.strip("0.,") else "") + text


def with_interval(value: str, low: str, high: str) -> str:
    """A value with its interval, as in `4.05 (3.90-4.21)` with an en dash; without an interval, the value alone."""
    if ABSENT in (value, low, high):
        return value
    return f"{value} ({low} to {high})" if MINUS in low + high else f"{value} ({low}\N{EN DASH}{high})"


def _texts(record: dict[Any, Any], decimals: dict[str, int | None]) -> dict[str, str]:
    """Each cell of a row as text."""
    unit = record.get("unit")
    if isinstance(unit, str):
        floats = [value for name, value in record.items() if isinstance(value, float) and name != "ci_level"]
        decimals = dict.fromkeys(decimals, _decimals_of(unit, [value for value in floats if math.isfinite(value)]))
    texts = {name: _text(value, decimals[name]) for name, value in record.items()}
    if unit == "1":
        texts["unit"] = ""
    if isinstance(record.get("ci_level"), float) and record["ci_level"] <= 1:
        texts["ci_level"] = f"{record['ci_level']:.0%}"
    return texts


def _decimals_of(unit: str, values: list[float]) -> int | None:
    """Decimals of a row by its unit; a small pure number shows three significant digits."""
    if unit != "1":
        return None if all(value == math.floor(value) for value in values) else 2
    largest = max(map(abs, values), default=0)
    return 3 if largest == 0 else min(6, max(3, 2 - math.floor(math.log10(largest))))


def _text(value: Any, decimals: int | None) -> str:
    if value is None or value is pd.NA or value is pd.NaT:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return number(value, None)
    return number(value, decimals) if isinstance(value, float) else str(value)


def _is_numeric(column: pd.Series) -> bool:
    """Whether a column holds numbers, or texts that are numbers, alone or with their interval."""
    if pd.api.types.is_numeric_dtype(column):
        return column.dtype != bool
    texts = column.dropna().astype(str)
    return len(texts) > 0 and bool(texts.str.fullmatch(_NUMBERS).all())


def _decimals(column: pd.Series) -> int | None:
    if not pd.api.types.is_float_dtype(column):
        return None
    finite = column[column.abs() < math.inf]
    if (finite == finite.round()).all():
        return None
    return min(6, max(0, SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(finite.abs().max()))))


def _heading(name: str) -> str:
    text = HEADINGS.get(name, name.replace("_", " "))
    return text if name in HEADINGS else text[:1].upper() + text[1:]
