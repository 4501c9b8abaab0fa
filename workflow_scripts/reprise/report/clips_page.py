"""The page of a folder of predicted clips: a table of all, then each clip's video with its beats."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from reprise.report.page import write_page
from reprise.report.page_tables import as_table
from reprise.report.provenance import size_text

EMBEDDED_BYTES = 20_000_000  # of videos, in one page; later ones are linked
MOST_ROWS = 1000


class ClipPart(NamedTuple):
    """What the page shows of one clip.

    name: the clip's.
    facts: one line, such as its length and frame rate.
    notes: sentences.
    video: an MP4 file in a folder beside the page.
    alt: what the video shows, in words.
    beats: a row a beat.
    """

    name: str
    facts: str
    notes: Sequence[str]
    video: Path
    alt: str
    beats: pd.DataFrame


def write_clips_page(
    target: Path, clips: Sequence[ClipPart], overview: pd.DataFrame, texts: Mapping[str, Any], **tables: pd.DataFrame
) -> None:
    """Write the page; it asks the network for nothing and links only to the videos beside it.

    Args:
        target: the HTML file.
        clips: in the order of the page.
        overview: a row a clip.
        texts: title, warning_title, warnings (sentences), overview_caption, beats_caption, findings_caption.
        tables: findings and networks.
    """
    room = EMBEDDED_BYTES
    parts = []
    for place, clip in enumerate(clips, start=1):
        content = clip.video.read_bytes()
        fits = len(content) <= room
        room -= len(content) if fits else 0
        parts.append(
            {
                **clip._asdict(),
                "id": f"clip-{place}",
                "table": as_table(clip.beats, MOST_ROWS),
                "uri": f"data:video/mp4;base64,{base64.b64encode(content).decode()}" if fits else None,
                "link": clip.video.relative_to(target.parent).as_posix(),
                "size": size_text(len(content)),
            }
        )
    contents = [("overview", "All clips", [(part["id"], part["name"]) for part in parts])]
    contents += [("findings", "Findings on import", [])] if len(tables["findings"]) else []
    write_page(
        target,
        "clips.html.j2",
        **texts,
        contents=[*contents, ("networks", "Networks", [])],
        clips=parts,
        overview=as_table(overview, MOST_ROWS),
        **{name: as_table(table, MOST_ROWS) for name, table in tables.items()},
    )
