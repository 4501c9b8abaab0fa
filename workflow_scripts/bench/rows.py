"""Rows of the benchmark table: two ways of doing one thing, timed in turns, and what is required of their ratio."""

import csv
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from reprise.step.command import say
from reprise.step.files import outputs

ROUNDS = 5
SKIPPED = "skipped: no GPU"


class Row(NamedTuple):
    """A row of the table. `ok` is yes, no, empty where nothing is required, or why the row was skipped."""

    name: str
    ours: float | None
    reference: float | None
    ratio: float | None
    required: str
    ok: str


def faster(
    name: str, ours: Callable[[], int], reference: Callable[[], int], required: float, rounds: int = ROUNDS
) -> Row:
    """A row of two rates in items a second; each callable does some work and returns how many items that was.

    The two take turns, so that another load on the machine meets both; the ratio is the median of the rounds'.
    """
    ours()  # once to warm up
    return paired(name, partial(_rate, ours), partial(_rate, reference), required, rounds)


def paired(
    name: str, ours: Callable[[], float], reference: Callable[[], float], required: float, rounds: int = ROUNDS
) -> Row:
    """A row like that of `faster`, from callables that return a rate."""
    pairs = [(ours(), reference()) for _ in range(rounds)]
    ratio = median(fast / slow for fast, slow in pairs)
    fast, slow = (median(rates) for rates in zip(*pairs, strict=True))
    return Row(name, fast, slow, ratio, f">= {required:g}", verdict(ratio >= required))


def at_least(name: str, value: float, reference: float | None, limit: float | None) -> Row:
    """A row of one figure that, or whose ratio to a reference, has a lower limit, if any."""
    ratio = value / reference if reference else None
    required = "" if limit is None else f">= {limit:g}"
    return Row(name, value, reference, ratio, required, "" if limit is None else verdict((ratio or value) >= limit))


def at_most(name: str, value: float, limit: float) -> Row:
    """A row of one figure that has a limit."""
    return Row(name, value, None, None, f"<= {limit:g}", verdict(value <= limit))


def skipped(name: str, required: str) -> Row:
    """A row that needs a GPU, on a machine without one."""
    return Row(name, None, None, None, required, SKIPPED)


def line(values: Iterable[str | float | None], widths: Sequence[int]) -> str:
    """A line of a table on the terminal."""
    return " ".join(f"{cell:<{width}}" for cell, width in zip(map(_text, values), widths, strict=True)).rstrip()


def write_table(target: Path, headings: Sequence[str], rows: Iterable[Iterable[str | float | None]]) -> None:
    """Write a table as CSV, and say where."""
    with outputs(target) as (path,), path.open("w", newline="") as stream:
        csv.writer(stream).writerows([headings, *(map(_text, row) for row in rows)])
    say(f"written to {target}")


def verdict(holds: bool) -> str:
    """`yes` or `no`."""
    return "yes" if holds else "no"


def _text(value: str | float | None) -> str:
    return value if isinstance(value, str) else "" if value is None else f"{value:.4g}"


def _rate(work: Callable[[], int]) -> float:
    began = time.perf_counter()
    items = work()
    return items / (time.perf_counter() - began)
