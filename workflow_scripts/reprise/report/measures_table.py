"""Measures as text, with the decimals of their registry, and all of them with both protocols side by side."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from reprise.report.page_tables import number, with_interval
from reprise.report.published import Measure, measure_of
from reprise.report.scoreboard import PROTOCOLS

TEXTS, NUMBERS = ("protocol", "quantity", "unit"), ("value", "ci_low", "ci_high", "ci_level")
METRICS = dict.fromkeys(TEXTS, str) | dict.fromkeys(NUMBERS, float) | {"n": int}


def value_texts(metrics: pd.DataFrame, protocol: str, measures: Mapping[str, Measure]) -> dict[str, str]:
    """The text of each known value of a protocol with its interval, by quantity.

    Args:
        metrics: columns as in `METRICS`.
        protocol: which rows.
        measures: the registry.

    Raises:
        InputError: a measure is not in the registry.
    """
    rows = metrics[(metrics["protocol"] == protocol) & metrics["value"].notna()]
    return {str(row.quantity): _text(row, measures) for row in rows.itertuples()}


def side_by_side(metrics: pd.DataFrame, measures: Mapping[str, Measure], parts: Mapping[str, str]) -> pd.DataFrame:
    """One row per quantity: measure, of, unit, n, and the value with its interval by either protocol, as text.

    Args:
        metrics: columns as in `METRICS`; a quantity's parts are divided by slashes, the last one is the measure.
        measures: the registry.
        parts: names of the other parts for a reader; a part that is not here keeps its own.

    Raises:
        InputError: a measure is not in the registry.
    """
    rows = []
    for quantity, both in metrics.groupby("quantity", sort=False):
        values = {row.protocol: _text(row, measures) for row in both.itertuples()}
        counts = dict.fromkeys(number(count, 0) for count in both["n"])
        columns = {
            "measure": measure_of(measures, str(quantity)).label,
            "of": ", ".join(parts.get(part, part) for part in str(quantity).split("/")[:-1]),
            "unit": both["unit"].iloc[0],
            "n": " / ".join(counts),
        }
        rows.append(columns | {name: values.get(name, "") for name in PROTOCOLS})
    return pd.DataFrame(rows)


def _text(row: Any, measures: Mapping[str, Measure]) -> str:
    decimals = measure_of(measures, row.quantity).decimals
    return with_interval(*(number(value, decimals) for value in (row.value, row.ci_low, row.ci_high)))
