"""The scoreboard: each published figure, ours, and the verdict, which depends on data and schedule, too."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from reprise.report.published import Figure, Measure, Published, in_words
from reprise.step.errors import InputError
from reprise.step.tables import read_table

PROTOCOLS = ("published", "sound")
COLUMNS = [
    *("study", "protocol", "quantity", "unit", "source", "published"),
    *("value", "ci_low", "ci_high", "data", "verdict"),
]
METRICS = {"protocol": str, "quantity": str, "unit": str, "value": float, "ci_low": float, "ci_high": float}


class Setup(BaseModel):
    """What a run was: the data and hyper-parameters of each study, the schedule, and the user's configuration.

    `code` and `project` are digests that a rule's settings hold for Snakemake; nothing here reads them.
    """

    model_config = ConfigDict(extra="forbid")
    code: str = ""
    project: str = ""
    data: dict[str, Literal["phantom", "raw"]]
    schedule: Literal["demo", "published"]
    parameters: dict[str, dict[str, Any]]
    config: dict[str, Any] = {}


class Metric(NamedTuple):
    """One of our own figures with its interval (NaN if it has none)."""

    unit: str
    value: float
    ci_low: float
    ci_high: float


Metrics = dict[tuple[str, str], Metric]


def study_path(text: str) -> tuple[str, Path]:
    """Argument type: `STUDY=FILE`."""
    study, equals, path = text.partition("=")
    if not (study and equals and path):
        raise argparse.ArgumentTypeError(f"expected STUDY=FILE, found {text!r}")
    return study, Path(path)


def read_setup(settings: Mapping[str, Any]) -> Setup:
    """Check the description of a run.

    Raises:
        InputError: an entry is missing, unknown or of another type.
    """
    try:
        return Setup.model_validate(settings)
    except ValidationError as error:
        raise InputError(f"--settings: {in_words(error)}") from error


def read_metrics(path: str | Path) -> Metrics:
    """A study's metrics by protocol and quantity.

    Raises:
        InputError: no readable CSV, a column is missing, or a quantity appears twice in a protocol.
    """
    metrics: Metrics = {}
    for protocol, quantity, *rest in read_table(path, METRICS).itertuples(index=False):
        if (protocol, quantity) in metrics:
            raise InputError(f"{path}: {quantity} appears twice in protocol {protocol}")
        metrics[protocol, quantity] = Metric(*rest)
    return metrics


def obstacles(study: str, setup: Setup, published: Published, ours: Mapping[str, float]) -> list[str]:
    """The reasons why this run does not compare with the published figures; an empty list if it does.

    Args:
        study: its name.
        setup: the data and settings of the run.
        published: the published figures.
        ours: our values under the published protocol, by quantity.
    """
    reasons = []
    if setup.data[study] == "phantom":
        reasons.append("phantom data, not the published data set")
    if setup.schedule != "published":
        reasons.append("shortened schedule")
    for name, expected in published.studies[study].conditions.items():
        found: Any = setup.parameters[study]
        for key in name.split("."):
            found = found.get(key) if isinstance(found, dict) else None
        if found != expected:
            here, there = ("none" if value is None else value for value in (found, expected))
            reasons.append(f"{name} is {here}, published with {there}")
    for figure in published.studies[study].figures:
        if figure.quantity in published.studies[study].identity:
            count, what = ours.get(figure.quantity, np.nan), published.measure(figure.quantity).unit
            if count != figure.value:
                reasons.append(f"another data set: {count:g} {what}, published with {figure.value:g}")
    return reasons


def scoreboard(published: Published, metrics: Mapping[str, Metrics], setup: Setup) -> pd.DataFrame:
    """Compare each published figure with ours: one row for our published protocol, and one for sound if it exists.

    Args:
        published: the published figures.
        metrics: for each study its metrics, as `read_metrics` gives them.
        setup: the data and settings of the run.

    Raises:
        InputError: a study has no published figures or no entry in the setup, or a unit is not the published one.
    """
    for study in metrics:
        for where, known in (
            ("published figures", published.studies),
            ("data", setup.data),
            ("parameters", setup.parameters),
        ):
            if study not in known:
                raise InputError(f"{study}: no {where} given")
    rows = [row for study, found in metrics.items() for row in _study_rows(study, published, found, setup)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _study_rows(study: str, published: Published, metrics: Metrics, setup: Setup) -> Iterator[list[Any]]:
    values = {quantity: metric.value for (protocol, quantity), metric in metrics.items() if protocol == "published"}
    comparable = not obstacles(study, setup, published, values)
    for figure in published.studies[study].figures:
        measure = published.measure(figure.quantity)
        for protocol in PROTOCOLS:
            quantity = figure.quantity_of(protocol)
            if protocol != "published" and (protocol, quantity) not in metrics:
                continue
            ours = metrics.get((protocol, quantity), Metric(measure.unit, np.nan, np.nan, np.nan))
            if ours.unit != measure.unit:
                raise InputError(f"{study}: {quantity}: unit {ours.unit}, published in {measure.unit}")
            verdict = _verdict(figure, measure, ours, comparable)
            source = published.sources[figure.source].short
            yield [study, protocol, quantity, measure.unit, source, figure.value, *ours[1:], setup.data[study], verdict]


def _verdict(figure: Figure, measure: Measure, ours: Metric, comparable: bool) -> str:
    """Reproduced if the published value lies within our interval, or if ours is the same value and has none."""
    _, value, low, high = ours
    if not comparable:
        return "not comparable"
    if np.isnan(value):
        return "not run"
    if np.isnan(low) or np.isnan(high):
        low = high = value
    if low <= figure.value <= high:
        return "reproduced"
    return "better" if (value > figure.value) == (measure.better == "higher") else "worse"
