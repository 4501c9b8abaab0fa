"""The page of a folder of segmented volumes: a table of all, then each volume's slices with what was found in them."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from reprise.report.page import write_page
from reprise.report.page_tables import as_table

EMBEDDED_BYTES = 20_000_000  # of pictures, in one page; later ones are linked
MOST_ROWS = 1000


class Picture(NamedTuple):
    """A PNG file in a folder beside the page, its height and width in px, its caption, and what it shows in words."""

    file: Path
    size: tuple[int, int]
    caption: str
    alt: str


class VolumePart(NamedTuple):
    """What the page shows of one volume: its name, one line of facts, notes (sentences), and its slices."""

    name: str
    facts: str
    notes: Sequence[str]
    pictures: Sequence[Picture]


def write_volumes_page(
    target: Path,
    volumes: Sequence[VolumePart],
    overview: pd.DataFrame,
    texts: Mapping[str, Any],
    **tables: pd.DataFrame,
) -> None:
    """Write the page; it asks the network for nothing and links only to the pictures beside it.

    Args:
        target: the HTML file.
        volumes: in the order of the page.
        overview: a row a volume.
        texts: title, warning_title, warnings (sentences), overview_caption, findings_caption.
        tables: findings and networks.
    """
    room = EMBEDDED_BYTES
    parts = []
    for place, volume in enumerate(volumes, start=1):
        contents = [picture.file.read_bytes() for picture in volume.pictures]
        length = sum(map(len, contents))
        fits = length <= room
        room -= length if fits else 0
        pictures = [
            {
                **picture._asdict(),
                "uri": f"data:image/png;base64,{base64.b64encode(content).decode()}" if fits else None,
                "link": picture.file.relative_to(target.parent).as_posix(),
            }
            for picture, content in zip(volume.pictures, contents, strict=True)
        ]
        parts.append({**volume._asdict(), "id": f"volume-{place}", "pictures": pictures})
    contents_list = [("overview", "All volumes", [(part["id"], part["name"]) for part in parts])]
    contents_list += [("findings", "Findings on import", [])] if len(tables["findings"]) else []
    write_page(
        target,
        "volumes.html.j2",
        **texts,
        contents=[*contents_list, ("networks", "Network", [])],
        volumes=parts,
        overview=as_table(overview, MOST_ROWS),
        **{name: as_table(table, MOST_ROWS) for name, table in tables.items()},
    )
