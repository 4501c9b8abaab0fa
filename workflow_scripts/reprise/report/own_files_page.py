"""The page about a folder of a user's own files: a table of all cases, then each case with its pictures or videos."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from reprise.report.page import data_uri, write_page
from reprise.report.page_tables import as_table
from reprise.report.provenance import size_text

EMBEDDED_BYTES = 20_000_000  # of pictures and videos in one page; those of later cases are linked
MOST_ROWS = 1000


class Media(NamedTuple):
    """A picture (PNG) or a video (MP4) in a folder beside the page.

    file: where it lies.
    alt: what it shows, in words.
    caption: what a reader sees below it, before the link to the file.
    size: height and width of a picture in px.
    """

    file: Path
    alt: str
    caption: str = ""
    size: tuple[int, int] | None = None


class Case(NamedTuple):
    """What the page shows of one case.

    name: the case's name.
    facts: one line, such as its length or its number of slices.
    notes: sentences.
    media: its pictures or videos.
    tables: by caption.
    """

    name: str
    facts: str
    notes: Sequence[str]
    media: Sequence[Media]
    tables: Mapping[str, pd.DataFrame] = {}


def write_own_files_page(
    target: Path,
    cases: Sequence[Case],
    overview: pd.DataFrame,
    texts: Mapping[str, Any],
    findings: pd.DataFrame,
    networks: pd.DataFrame,
) -> None:
    """Write the page. It asks the network for nothing, and links only to the files beside it.

    Args:
        target: the HTML file.
        cases: in the order of the page.
        overview: one row per case.
        texts: title, kind (what the cases are, such as "clips"), warnings (paragraphs), overview_caption.
        findings: one row per file that was left out or is odd.
        networks: one row per network that was used.
    """
    parts = _with_media(cases, target.parent)
    kind, network = f"All {texts['kind']}", "Networks" if len(networks) > 1 else "Network"
    contents = [("overview", kind, [(part["id"], part["name"]) for part in parts])]
    contents += [("findings", "Findings on import", [])] if len(findings) else []
    tables = {"overview": overview, "findings": findings, "networks": networks}
    write_page(
        target,
        "own_files.html.j2",
        **texts,
        contents=[*contents, ("networks", network, [])],
        cases=parts,
        **{name: as_table(table, MOST_ROWS) for name, table in tables.items()},
    )


def _with_media(cases: Sequence[Case], folder: Path) -> list[dict[str, Any]]:
    """Cases as the template shows them. The media of a case are embedded if all of them fit."""
    room, parts = EMBEDDED_BYTES, []
    for number, case in enumerate(cases, start=1):
        sizes = [each.file.stat().st_size for each in case.media]
        fits = sum(sizes) <= room
        room -= sum(sizes) if fits else 0
        media = [
            each._asdict()
            | {"uri": data_uri(each.file) if fits else None, "video": each.file.suffix == ".mp4"}
            | {"link": each.file.relative_to(folder).as_posix(), "bytes": size_text(size)}
            for each, size in zip(case.media, sizes, strict=True)
        ]
        tables = {caption: as_table(table, MOST_ROWS) for caption, table in case.tables.items()}
        parts.append({**case._asdict(), "id": f"case-{number}", "media": media, "tables": tables})
    return parts
