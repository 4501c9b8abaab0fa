"""Rows of a study's tables of measures and of quirks, and the options of the step that computes them."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reprise.step.command import json_object, step_parser

METRICS = ["protocol", "quantity", "unit", "value", "ci_low", "ci_high", "ci_level", "n"]
QUIRKS = ["quirk", "quantity", "unit", "published", "sound", "difference", "note"]

Row = dict[str, Any]


class Sampling(NamedTuple):
    """How many resamples give an interval, and the seed of their draws."""

    resamples: int
    seed: int


class Estimate(NamedTuple):
    """A value, its interval (NaN if it has none), and the number of units that it comes from."""

    value: float
    low: float
    high: float
    n: int


def score_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser for a step that writes the tables of measures and of quirks."""
    parser = step_parser(description)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--settings", type=json_object, required=True, help="JSON: resamples, seed and the study's own")
    parser.add_argument("--metrics", type=Path, required=True, help="CSV to write: one row per measure")
    parser.add_argument("--quirks", type=Path, required=True, help="CSV to write: one row per published habit")
    return parser


def without_interval(value: float, n: int) -> Estimate:
    """An estimate from `n` units that has no interval."""
    return Estimate(float(value), float("nan"), float("nan"), n)


def metric(protocol: str, quantity: str, unit: str, estimate: Estimate, level: float) -> Row:
    """A row of the table of measures; `level` is the interval's, if there is one."""
    value, low, high, n = estimate
    level = level if np.isfinite(low) else float("nan")
    columns = {"value": value, "ci_low": low, "ci_high": high, "ci_level": level, "n": n}
    return {"protocol": protocol, "quantity": quantity, "unit": unit, **columns}


def quirk(name: str, quantity: str, unit: str, values: Iterable[float], note: str) -> Row:
    """A row of the table of quirks from the published and the sound value; `difference` is published minus sound."""
    published, sound = values
    columns = {"published": published, "sound": sound, "difference": published - sound}
    return {"quirk": name, "quantity": quantity, "unit": unit, **columns, "note": note}
