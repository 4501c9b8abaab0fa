"""A study's scoreboard as the report shows it: the headline first, then its groups of figures, notes and sources."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from reprise.report.page_tables import number, with_interval
from reprise.report.published import Figure, Published, StudyFigures
from reprise.report.scoreboard import PROTOCOLS, Setup, obstacles

KEY = ["study", "protocol", "quantity", "source"]
NOT_RUN = "not run"
Row = dict[str, Any]


def study_board(study: str, board: pd.DataFrame, setup: Setup, published: Published) -> dict[str, Any]:
    """A study's headline, groups of figures, verdicts, and the reasons why nothing compares.

    A row's `ours` has an entry for each protocol: text and verdict, or None if the protocol does not measure this.

    Args:
        study: its name.
        board: the scoreboard of all studies.
        setup: the data and settings of the run.
        published: the published figures.
    """
    figures = published.studies[study]
    rows = board[board["study"] == study]
    ours = {tuple(row[key] for key in KEY): row for row in rows.to_dict("records")}
    shown = {(figure.quantity, figure.source): _row(study, figure, ours, published) for figure in figures.figures}
    marks = _marks(figures)
    for figure in figures.figures:
        shown[figure.quantity, figure.source]["marks"] = [marks[note] for note in figure.notes]
    first = _group_of(figures.headline.quantity)
    names = sorted(figures.groups, key=lambda name: name != first)
    groups = [_group(name, figures, shown) for name in names]
    return {
        "study": study,
        "title": figures.title,
        "about": figures.about,
        "obstacles": obstacles(study, setup, published, _values(rows)),
        "headline": {**shown[figures.headline.quantity, figures.headline.source], "label": figures.headline.label},
        "groups": [group for group in groups if not group["context"]],
        "context": [group for group in groups if group["context"]],
        "verdicts": sum((group["verdicts"] for group in groups if not group["context"]), Counter()),
        "notes": [(mark, figures.notes[note]) for note, mark in marks.items()],
        "cited": [published.sources[source] for source in dict.fromkeys(figure.source for figure in figures.figures)],
    }


def _marks(figures: StudyFigures) -> dict[str, int]:
    """The number of each note that a figure refers to."""
    used = dict.fromkeys(note for figure in figures.figures for note in figure.notes)
    return {note: mark for mark, note in enumerate(used, start=1)}


def _values(rows: pd.DataFrame) -> dict[str, float]:
    """Our values under the published protocol, by quantity."""
    own = rows[rows["protocol"] == "published"]
    return dict(zip(own["quantity"], own["value"], strict=True))


def _group(name: str, figures: StudyFigures, shown: Mapping[tuple[str, str], Row]) -> dict[str, Any]:
    """A group with its rows; rows of the same quantity follow one another."""
    own = [figure for figure in figures.figures if _group_of(figure.quantity) == name]
    order = list(dict.fromkeys(figure.quantity for figure in own))
    own = sorted(own, key=lambda figure: order.index(figure.quantity))
    rows = [shown[figure.quantity, figure.source] for figure in own]
    return {
        "title": figures.groups[name],
        "context": name in figures.context,
        "first": name == _group_of(figures.headline.quantity),
        "sound": any(row["ours"][1] for row in rows),
        "rows": rows,
        "verdicts": Counter(ours["verdict"] for row in rows for ours in row["ours"] if ours),
    }


def _group_of(quantity: str) -> str:
    return quantity.rpartition("/")[0]


def _row(study: str, figure: Figure, ours: Mapping[tuple[str, ...], Any], published: Published) -> Row:
    measure = published.measure(figure.quantity)
    low, high = figure.interval or (float("nan"), float("nan"))
    source = published.sources[figure.source].short
    found = [ours.get((study, name, figure.quantity_of(name), source)) for name in PROTOCOLS]
    return {
        "label": measure.label,
        "unit": "" if measure.unit == "1" else measure.unit,
        "source": source,
        "published": _valued(figure.value, low, high, measure.decimals),
        "ours": [_ours(row, measure.decimals) for row in found],
    }


def _ours(row: Mapping[Any, Any] | None, decimals: int) -> dict[str, str] | None:
    """Our value and verdict; without a value, the verdict is always that it was not run."""
    if row is None:
        return None
    if pd.isna(row["value"]):
        return {"text": NOT_RUN, "verdict": NOT_RUN}
    return {"text": _valued(row["value"], row["ci_low"], row["ci_high"], decimals), "verdict": row["verdict"]}


def _valued(value: float, low: float, high: float, decimals: int) -> str:
    return with_interval(*(number(bound, decimals) for bound in (value, low, high)))
