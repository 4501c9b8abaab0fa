"""The report: the results of all studies at a glance, one chapter per study, and where all results come from."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from reprise.report import provenance
from reprise.report.blocks import pictured, prepared, read_section
from reprise.report.board import study_board
from reprise.report.dag import Graph, draw_rules, layers
from reprise.report.page import Contents, write_page
from reprise.report.page_tables import number
from reprise.report.published import Published
from reprise.report.scoreboard import COLUMNS, Setup
from reprise.step.durations import duration_text
from reprise.step.errors import InputError
from reprise.step.tables import read_table

VIDEO_BYTES = 1_800_000  # of all studies together
VERDICTS = {"reproduced": "✓", "better": "+", "worse": "−", "not comparable": "≠", "not run": "○"}  # noqa: RUF001

PRECISIONS = {
    "fp32": "fp32; a GPU computes convolutions in TF32, as is PyTorch's default",
    "bf16": "bf16, mixed, on a GPU; fp32 on a CPU",
}


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
        rules: for each rule of the workflow the rules that it needs.
        jobs: for each job of this run its rule and the benchmark file that Snakemake wrote.
        lock: the requirements file with the locked versions.

    Raises:
        InputError: an input is missing, damaged, or does not fit the others.
    """
    board = _read_scoreboard(scoreboard)
    data = provenance.data_hashes(manifests)
    chapters = _chapters(board, sections, setup, published, data)
    kinds = {block["kind"] for chapter in chapters for part in chapter["parts"] for block in part["blocks"]}
    write_page(
        target,
        "report.html.j2",
        script="slices.js" if "slices" in kinds else "",
        title=f"report on {chapters[0]['title'] if len(chapters) == 1 else f'{len(chapters)} studies'}",
        contents=_contents(chapters),
        chapters=chapters,
        warned=[chapter for chapter in chapters if chapter["obstacles"]],
        symbols=VERDICTS,
        schedule=setup.schedule,
        precision=PRECISIONS.get(setup.config.get("precision", "")),
        data=data,
        **_provenance(setup, rules, jobs, lock),
    )


def _read_scoreboard(path: Path) -> pd.DataFrame:
    types = {name: float if name in ("published", "value", "ci_low", "ci_high") else str for name in COLUMNS}
    return read_table(path, types)


def _chapters(
    board: pd.DataFrame, sections: Sequence[Path], setup: Setup, published: Published, data: pd.DataFrame
) -> list[dict[str, Any]]:
    """One chapter per study of the scoreboard: its section, its scoreboard and what ran."""
    read = {section["study"]: section for section in map(read_section, sections)}
    studies = list(board["study"].unique())
    absent = [study for study in studies if study not in read]
    if absent:
        raise InputError(f"{', '.join(absent)}: no section given")
    room = VIDEO_BYTES // max(1, len(studies))
    return [
        {
            **study_board(study, board, setup, published),
            **_data(study, data),
            "id": f"study-{study}",
            "phantom": setup.data[study] == "phantom",
            "networks": setup.config.get("models", {}).get(study, {}),
            "heading": read[study]["title"],
            "summary": read[study]["summary"],
            "picture": pictured(read[study]["picture"]),
            "sound_headline": read[study].get("sound_headline"),
            "parts": _parts(prepared(read[study]["blocks"], f"s{chapter}", room), f"s{chapter}-part"),
        }
        for chapter, study in enumerate(studies, start=1)
    ]


def _parts(blocks: Sequence[Mapping[str, Any]], prefix: str) -> list[dict[str, Any]]:
    """Groups of neighbouring blocks that name the same part. A block that names no part is a group of its own."""
    parts: list[dict[str, Any]] = []
    for block in blocks:
        title = block.get("part")
        if title is None:
            parts.append({"title": block["title"], "id": block["id"], "alone": True, "blocks": [block]})
        elif parts and parts[-1]["title"] == title:
            parts[-1]["blocks"].append(block)
        else:
            parts.append({"title": title, "id": f"{prefix}-{len(parts) + 1}", "alone": False, "blocks": [block]})
    return parts


def _contents(chapters: Sequence[Mapping[str, Any]]) -> Contents:
    """Entries of the table of contents: identifier, title, entries below."""
    entries = []
    for chapter in chapters:
        below = [(part["id"], part["title"]) for part in chapter["parts"]]
        entries.append((chapter["id"], chapter["title"], [(f"{chapter['id']}-scoreboard", "Scoreboard"), *below]))
    return [("results", "Results", []), *entries, ("provenance", "Provenance", [])]


def _data(study: str, data: pd.DataFrame) -> dict[str, str]:
    own = data[data["study"] == study]
    if len(own) != 1:
        raise InputError(f"{study}: no manifest given")
    return {"files": number(int(own["files"].iloc[0]), None), "size": own["size"].iloc[0]}


def _provenance(setup: Setup, rules: Graph, jobs: pd.DataFrame, lock: Path) -> dict[str, Any]:
    """What the last part of the report shows, without the data."""
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
        "total": duration_text(costs["seconds"].sum()),
        "drawing": draw_rules(rules, "The workflow's rules and what each needs", _only_study(setup)),
        "rules": pd.DataFrame([(rule, ", ".join(needed)) for rule, needed in rules.items()], columns=["rule", "needs"]),
    }


def _only_study(setup: Setup) -> str:
    """The start of the names of rules, if the run has only one study."""
    return f"{next(iter(setup.data))}_" if len(setup.data) == 1 else ""


def _as_yaml(value: Mapping[str, Any]) -> str:
    return yaml.safe_dump(provenance.without_paths(value), sort_keys=False, allow_unicode=True)


def _cost(row: Mapping[Any, Any], longest: float) -> dict[str, Any]:
    peak = row["peak_mib"]
    return {
        "rule": row["rule"],
        "jobs": number(row["jobs"], None),
        "seconds": duration_text(row["seconds"]),
        "longest": duration_text(row["longest_seconds"]),
        "peak": "–" if pd.isna(peak) else provenance.size_text(peak * 2**20),  # noqa: RUF001
        "cores": number(row["cores"], 1),
        "share": round(100 * row["seconds"] / longest) if longest else 0,
    }
