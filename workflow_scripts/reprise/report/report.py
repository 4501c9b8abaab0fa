"""The report: what ran, the scoreboard, each study's section, and where it all comes from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from reprise.errors import InputError
from reprise.report import provenance
from reprise.report.blocks import prepared, read_section
from reprise.report.dag import Graph, draw_rules, layers
from reprise.report.page import Contents, write_page
from reprise.report.published import Figure, Published
from reprise.report.scoreboard import COLUMNS, PROTOCOLS, Setup, obstacles
from reprise.report.tables import number, with_interval
from reprise.tables import read_table

VIDEO_BYTES = 1_800_000  # of all studies together
KEY = ["study", "protocol", "quantity", "source"]
VERDICTS = {"reproduced": "✓", "better": "+", "worse": "−", "not comparable": "≠", "not run": "○"}  # noqa: RUF001


def write_report(
    target: Path,
    setup: Setup,
    published: Published,
    scoreboard: Path,
    sections: Sequence[Path],
    manifests: Mapping[str, Path],
    rules: Graph,
    jobs: pd.DataFrame,
    lock: Path,
) -> None:
    """Write the report as one HTML file.

    Args:
        target: the file.
        setup: what was run on what.
        published: the published figures.
        scoreboard: the scoreboard's CSV.
        sections: each study's section.json.
        manifests: each study's manifest of raw files.
        rules: for each rule of the workflow those that it needs.
        jobs: of each job of this run, its rule and the benchmark file that Snakemake wrote.
        lock: the requirements file with the locked versions.

    Raises:
        InputError: an input is missing, damaged, or does not fit the others.
    """
    board = _read_scoreboard(scoreboard)
    room = VIDEO_BYTES // max(1, len(sections))
    read = [{**one, "id": f"study-{one['study']}"} for one in map(read_section, sections)]
    data = provenance.data_hashes(manifests)
    studies = [
        {**_study(study, board, setup, published), **_data(study, data), "networks": _networks(study, setup)}
        for study in board["study"].unique()
    ]
    chapters = [
        {**one, "blocks": prepared(one["blocks"], f"s{place}", room)} for place, one in enumerate(read, start=1)
    ]
    write_page(
        target,
        "report.html.j2",
        script="slices.js" if any(block["kind"] == "slices" for one in chapters for block in one["blocks"]) else "",
        title=f"report on {studies[0]['title'] if len(studies) == 1 else f'{len(studies)} studies'}",
        contents=_contents(chapters),
        studies=studies,
        warned=[study for study in studies if study["obstacles"]],
        chapters=chapters,
        sources=published.sources,
        symbols=VERDICTS,
        schedule=setup.schedule,
        data=data,
        **_provenance(setup, rules, jobs, lock),
    )


def _read_scoreboard(path: Path) -> pd.DataFrame:
    types = {name: float if name in ("published", "value", "ci_low", "ci_high") else str for name in COLUMNS}
    return read_table(path, types)


def _contents(chapters: Sequence[Mapping[str, Any]]) -> Contents:
    """Entries of the table of contents: identifier, title, entries below."""
    own = [(one["id"], one["title"], [(block["id"], block["title"]) for block in one["blocks"]]) for one in chapters]
    return [("ran", "What ran", []), ("scoreboard", "Scoreboard", []), *own, ("provenance", "Provenance", [])]


def _study(study: str, board: pd.DataFrame, setup: Setup, published: Published) -> dict[str, Any]:
    """A study as the scoreboard shows it: its groups of figures, the notes they refer to, what stands in the way."""
    figures = published.studies[study]
    rows = board[board["study"] == study]
    ours = {tuple(row[key] for key in KEY): row for row in rows.to_dict("records")}
    used = list(dict.fromkeys(note for figure in figures.figures for note in figure.notes))
    marks = {note: place for place, note in enumerate(used, start=1)}
    groups = [
        {
            "title": title,
            "rows": [_row(study, figure, ours, published, marks) for figure in _of_group(figures.figures, group)],
        }
        for group, title in figures.groups.items()
    ]
    return {
        "study": study,
        "title": figures.title,
        "about": figures.about,
        "data": setup.data[study],
        "obstacles": obstacles(study, setup, published, _values(rows)),
        "verdicts": Counter(rows["verdict"]),
        "groups": groups,
        "notes": [(place, figures.notes[note]) for note, place in marks.items()],
        "cited": list(dict.fromkeys(figure.source for figure in figures.figures)),
    }


def _values(rows: pd.DataFrame) -> dict[str, float]:
    """Our values of a study's rows by the published protocol, by quantity."""
    own = rows[rows["protocol"] == "published"]
    return dict(zip(own["quantity"], own["value"], strict=True))


def _data(study: str, data: pd.DataFrame) -> dict[str, str]:
    own = data[data["study"] == study]
    if len(own) != 1:
        raise InputError(f"{study}: no manifest given")
    return {"files": number(int(own["files"].iloc[0]), None), "size": own["size"].iloc[0]}


def _networks(study: str, setup: Setup) -> dict[str, list[str]]:
    """Networks by task, if the configuration names them."""
    return setup.config.get("models", {}).get(study, {})


def _of_group(figures: Sequence[Figure], group: str) -> list[Figure]:
    """A group's figures, those of one quantity side by side."""
    own = [figure for figure in figures if figure.quantity.rpartition("/")[0] == group]
    order = list(dict.fromkeys(figure.quantity for figure in own))
    return sorted(own, key=lambda figure: order.index(figure.quantity))


def _row(
    study: str, figure: Figure, ours: Mapping[tuple[str, ...], Any], published: Published, marks: Mapping[str, int]
) -> dict[str, Any]:
    measure = published.measure(figure.quantity)
    low, high = figure.interval or (float("nan"), float("nan"))
    source = published.sources[figure.source]
    found = {name: ours.get((study, name, figure.quantity_of(name), source.short)) for name in PROTOCOLS}
    return {
        "label": measure.label + (f" ({measure.unit})" if measure.unit != "1" else ""),
        "source": source.short,
        "marks": [marks[note] for note in figure.notes],
        "published": _valued(figure.value, low, high, measure.decimals),
        "ours": [_ours(row, measure.decimals) for row in found.values()],
    }


def _ours(row: Mapping[Any, Any] | None, decimals: int) -> dict[str, str] | None:
    if row is None:
        return None
    missing = pd.isna(row["value"])
    text = "not run" if missing else _valued(row["value"], row["ci_low"], row["ci_high"], decimals)
    return {"text": text, "verdict": row["verdict"]}


def _valued(value: float, low: float, high: float, decimals: int) -> str:
    return with_interval(*(number(one, decimals) for one in (value, low, high)))


def _provenance(setup: Setup, rules: Graph, jobs: pd.DataFrame, lock: Path) -> dict[str, Any]:
    """What the last part of the report shows, but for the data."""
    *done, _ = layers(rules)
    costs = provenance.costs(jobs, [rule for layer in done for rule in layer])
    return {
        "written": datetime.now(UTC).strftime("%-d %B %Y, %H:%M UTC"),
        "code": provenance.code(),
        "software": provenance.software(lock),
        "hardware": provenance.hardware(),
        "configuration": _as_yaml(setup.config),
        "parameters": _as_yaml(setup.parameters),
        "costs": [_cost(row, costs["seconds"].max()) for row in costs.to_dict("records")],
        "total": provenance.duration_text(costs["seconds"].sum()),
        "drawing": draw_rules(rules, "The workflow's rules and what each needs", _only_study(setup)),
        "rules": pd.DataFrame([(rule, ", ".join(needed)) for rule, needed in rules.items()], columns=["rule", "needs"]),
    }


def _only_study(setup: Setup) -> str:
    """What rules' names begin with, if the run has one study only."""
    return f"{next(iter(setup.data))}_" if len(setup.data) == 1 else ""


def _as_yaml(value: Mapping[str, Any]) -> str:
    return yaml.safe_dump(provenance.without_paths(value), sort_keys=False, allow_unicode=True)


def _cost(row: Mapping[Any, Any], longest: float) -> dict[str, Any]:
    peak = row["peak_mib"]
    return {
        "rule": row["rule"],
        "jobs": number(row["jobs"], None),
        "seconds": provenance.duration_text(row["seconds"]),
        "longest": provenance.duration_text(row["longest_seconds"]),
        "peak": "–" if pd.isna(peak) else provenance.size_text(peak * 2**20),  # noqa: RUF001
        "cores": number(row["cores"], 1),
        "share": round(100 * row["seconds"] / longest) if longest else 0,
    }
