"""Rows of a study's tables of measures and of quirks."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

METRICS = ["protocol", "quantity", "unit", "value", "ci_low", "ci_high", "ci_level", "n"]
QUIRKS = ["quirk", "quantity", "unit", "published", "sound", "difference", "note"]

Row = dict[str, Any]


class Sampling(NamedTuple):
    """How intervals are drawn."""

    resamples: int
    seed: int


class Estimate(NamedTuple):
    """A value, its interval (NaN if it has none), and how many units it is from."""

    value: float
    low: float
    high: float
    n: int


def metric(protocol: str, quantity: str, unit: str, estimate: Estimate, level: float) -> Row:
    """A row of the metrics' table; `level` is that of the interval, if there is one."""
    value, low, high, n = estimate
    level = level if np.isfinite(low) else float("nan")
    columns = {"value": value, "ci_low": low, "ci_high": high, "ci_level": level, "n": n}
    return {"protocol": protocol, "quantity": quantity, "unit": unit, **columns}


def quirk(name: str, quantity: str, unit: str, values: Iterable[float], note: str) -> Row:
    """A row of the quirks' table from the published and the sound value; `difference` is published less sound."""
    published, sound = values
    columns = {"published": published, "sound": sound, "difference": published - sound}
    return {"quirk": name, "quantity": quantity, "unit": unit, **columns, "note": note}
