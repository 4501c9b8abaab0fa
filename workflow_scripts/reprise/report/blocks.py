"""Reads the blocks of a page (figures, tables, videos, slices, galleries, text), checks and embeds their files."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from reprise.report.page import data_uri
from reprise.report.page_tables import as_table
from reprise.report.provenance import display_path, size_text
from reprise.step.errors import InputError
from reprise.step.tables import ONLY_EMPTY_IS_MISSING

TABLE_ROWS, FIGURE_ROWS = 200, 40
DOWNLOAD_BYTES = 40_000
PICTURES = ("image", "overlay")  # of a slice or a study. A sample in the key has only the overlay
SECTION = ("study", "title", "picture", "summary", "blocks")
REQUIRED = {
    "figure": {"title", "svg", "csv", "caption", "alt"},
    "table": {"title", "csv", "caption"},
    "videos": {"title", "caption", "videos"},
    "slices": {"title", "caption", "key", "slices", "start"},
    "gallery": {"title", "caption", "csv", "groups"},
    "text": {"title", "text"},
}


def read_section(path: str | Path) -> dict[str, Any]:
    """A study's section: study, title, picture, summary (paragraphs) and blocks. All files that it names exist.

    `picture` has image, alt and perhaps an overlay of the same size. Neighbouring blocks that name the same `part` are
    shown together. `sound_headline` (value, what) is needed only if the sound protocol has no value for the headline.

    Raises:
        InputError: no readable JSON, a missing key, a block of unknown kind, or a missing file. It names all of them,
            one per line.
    """
    try:
        section = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable section: {error}") from error
    missing = [key for key in SECTION if key not in section]
    if missing:
        raise InputError(f"{path}: no {', '.join(missing)}")
    problems = [*_picture_problems(section["picture"]), *_problems(section["blocks"])]
    if problems:
        raise InputError("\n".join(f"{path}: {problem}" for problem in problems))
    return section


def pictured(picture: Mapping[str, Any]) -> dict[str, Any]:
    """A slice, a sample of the key or a study's picture, with its files embedded as image_uri and overlay_uri."""
    files = {name: Path(picture[name]) for name in PICTURES if name in picture}
    return {**picture} | {f"{name}_uri": data_uri(file) for name, file in files.items()}


def prepared(blocks: Sequence[Mapping[str, Any]], prefix: str, video_bytes: int) -> list[dict[str, Any]]:
    """Blocks as the template shows them. Videos are embedded while they fit. Later ones are only named.

    Args:
        blocks: the blocks of a section from `read_section`.
        prefix: the start of the identifiers of these blocks in the page.
        video_bytes: how many bytes of video to embed.

    Raises:
        InputError: a file is damaged.
    """
    ready = []
    for number, block in enumerate(blocks, start=1):
        extra: dict[str, Any] = {"id": f"{prefix}-{number}"}
        if block["kind"] == "figure":
            extra |= {"uri": data_uri(Path(block["svg"]))} | _numbers(block, FIGURE_ROWS)
        elif block["kind"] == "table":
            extra |= _numbers(block, TABLE_ROWS)
        elif block["kind"] == "gallery":
            extra |= {"groups": _galleries(block["groups"])} | _numbers(block, TABLE_ROWS)
        elif block["kind"] == "videos":
            extra["videos"], video_bytes = _videos(block["videos"], video_bytes)
        elif block["kind"] == "slices":
            extra |= _slices(block)
        ready.append({**block, **extra})
    return ready


def _picture_problems(picture: Mapping[str, str]) -> Iterator[str]:
    absent = sorted({"image", "alt"} - set(picture))
    if absent:
        yield f"picture: no {', '.join(absent)}"
    files = [Path(picture[name]) for name in PICTURES if name in picture]
    yield from (f"picture: no such file: {file}" for file in files if not file.is_file())


def _problems(blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for number, block in enumerate(blocks, start=1):
        kind = block.get("kind")
        if kind not in REQUIRED:
            yield f"block {number}: unknown kind {kind!r}; expected one of {', '.join(REQUIRED)}"
            continue
        absent = sorted(REQUIRED[kind] - set(block))
        if absent:
            yield f"block {number} ({kind}): no {', '.join(absent)}"
            continue
        files = [block[key] for key in ("svg", "csv") if key in block]
        files += [video["mp4"] for video in block["videos"]] if kind == "videos" else []
        files += [part[name] for part in _with_pictures(block) for name in PICTURES if name in part]
        yield from (f"{block['title']}: no such file: {file}" for file in files if not Path(file).is_file())


def _numbers(block: Mapping[str, Any], most_rows: int) -> dict[str, Any]:
    """The table of a block and, if it is small, its whole file for download."""
    path = Path(block["csv"])
    try:
        frame = pd.read_csv(path, dtype={"unit": str}, skipinitialspace=True, **ONLY_EMPTY_IS_MISSING)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no readable table: {error}") from error
    download = data_uri(path) if path.stat().st_size <= DOWNLOAD_BYTES else None
    return {"table": as_table(frame, most_rows), "file": display_path(path), "download": download}


def _videos(videos: Sequence[Mapping[str, Any]], room: int) -> tuple[list[dict[str, Any]], int]:
    """Embed videos while there is room for their bytes. Also returns the room that is left."""
    ready = []
    for video in videos:
        path = Path(video["mp4"])
        size = path.stat().st_size
        uri = data_uri(path) if size <= room else None
        room -= size if uri else 0
        ready.append({**video, "uri": uri, "file": display_path(path), "size": size_text(size)})
    return ready, room


def _with_pictures(block: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a block shows as pictures: slices and the samples of their key, or all pictures of a gallery."""
    if block["kind"] == "gallery":
        return [picture for group in block["groups"] for each in group["classes"] for picture in each["pictures"]]
    return [*block["slices"], *block["key"]] if block["kind"] == "slices" else []


def _galleries(groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The groups of a gallery, each with its classes, and these with their pictures embedded."""
    return [
        {**group, "classes": [{**each, "pictures": [*map(pictured, each["pictures"])]} for each in group["classes"]]}
        for group in groups
    ]


def _slices(block: Mapping[str, Any]) -> dict[str, Any]:
    """The slices of a block and the samples of its key, with their pictures embedded."""
    return {part: [pictured(picture) for picture in block[part]] for part in ("slices", "key")}
