"""A study's section of the report: its template with the numbers filled in, split into the blocks that a page takes.

A template is Markdown with Jinja2's tags. Between two lines `---` at its top stand single lines `key: text`. Then come
a title (`#`) with the paragraphs of the summary, and the blocks: `##` begins a block, or a part whose blocks begin with
`###`. A block that shows files has a line `![alternative text](name)`; its other paragraphs are its caption, and list
items `- ![alternative text](file) caption` describe one file each. A block without such a line is text.
"""

import argparse
import json
import re
from collections.abc import Callable, Mapping, Sequence
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.filters import FILTERS

from reprise.report.page_tables import number
from reprise.step.command import json_object, step_parser
from reprise.step.errors import InputError
from reprise.step.tables import ONLY_EMPTY_IS_MISSING

HEADING = re.compile(r"^(#{1,3}) (.+)$", re.MULTILINE)
PARAGRAPH = re.compile(r"\n\s*\n|\n(?=- )")
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]*)\)")
MARKS = {ord(mark): f"&#{ord(mark)};" for mark in "&!#-[]()"}  # what has a meaning in a template

Block = dict[str, Any]


def section(
    template: Path,
    values: Mapping[str, Any],
    files: Mapping[str, Block],
    picture: Mapping[str, str],
    sound_headline: str | None = None,
) -> dict[str, Any]:
    """A section as the report's page reads it, but for the study's name.

    Args:
        template: see above; `picture`, and `sound_headline` if there is one, stand at its top.
        values: what the template names.
        files: by its name in the template, what a block shows: its kind and its files.
        picture: the files of the picture that stands for the study.
        sound_headline: the sound protocol's value in place of the headline figure, if it has another quantity there.

    Raises:
        InputError: the template has no block of a name in `files`.
    """
    top, title, summary, blocks = _split(_rendered(template, values))
    undescribed = [name for name in files if name not in [block["name"] for block in blocks]]
    if undescribed:
        raise InputError(f"no caption for {', '.join(undescribed)} in {template.name}")
    described = {
        "title": title,
        "picture": {**picture, "alt": top["picture"]},
        "summary": summary,
        "blocks": [_filled(block, files) for block in blocks],
    }
    if sound_headline is not None:
        described["sound_headline"] = {"value": sound_headline, "what": top["sound_headline"]}
    return described


def section_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser for a step that describes a study."""
    parser = step_parser(description)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--settings", type=json_object, required=True, help="JSON: data, models, recipes, measures")
    for table in ("metrics", "quirks", "findings"):
        parser.add_argument(f"--{table}", type=Path, required=True, help=f"{table}.csv")
    parser.add_argument("--figures", type=Path, nargs="+", required=True, help="SVGs, each with its CSV beside it")
    parser.add_argument("--protocols", type=Path, required=True, help="CSV to write: measures, protocols side by side")
    parser.add_argument("--section", type=Path, required=True, help="JSON to write")
    return parser


def table_files(**tables: Path) -> dict[str, Block]:
    """What blocks of tables show: by name, the CSV."""
    return {name: {"kind": "table", "csv": str(path)} for name, path in tables.items()}


def panel_limits(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Name, bias, limits of agreement and number of points of each panel of a figure that compares two quantities.

    Args:
        table: of the figure: panel, bias, lower_limit and upper_limit (empty where there are none); a row a point.
    """
    return [
        {
            "name": name,
            **part[["bias", "lower_limit", "upper_limit"]].iloc[0],
            "has_limits": part["lower_limit"].notna().any(),
            "points": len(part),
        }
        for name, part in table.groupby("panel", sort=False)
    ]


def figure_numbers(
    figures: Sequence[Path], numbers: Mapping[str, Callable[[pd.DataFrame], Any]]
) -> tuple[dict[str, Any], dict[str, Block]]:
    """What a section says about its figures: by figure, the numbers for its caption; and its files.

    Args:
        figures: SVG files, each with its CSV beside it.
        numbers: for each figure of the section, what computes the numbers from its CSV.

    Raises:
        InputError: a figure is missing or not one of these, or a CSV does not hold what its numbers need.
    """
    paths = {path.stem: path for path in figures}
    if paths.keys() != numbers.keys():
        unknown, absent = sorted(paths.keys() - numbers.keys()), sorted(numbers.keys() - paths.keys())
        problems = [f"no caption for {name}" for name in unknown] + [f"no figure {name}" for name in absent]
        raise InputError(f"--figures: {'; '.join(problems)}")
    values, files = {}, {}
    for name, compute in numbers.items():
        csv = paths[name].with_suffix(".csv")
        try:
            values[name] = compute(pd.read_csv(csv, **ONLY_EMPTY_IS_MISSING))
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise InputError(f"{csv}: not the numbers of the figure {name}: {error}") from error
        files[name] = {"kind": "figure", "svg": str(paths[name]), "csv": str(csv)}
    return values, files


def write_section(path: Path, study: str, described: Mapping[str, Any]) -> None:
    """Write what `section` made as JSON, with the study's name."""
    text = json.dumps({"study": study, **described}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _rendered(template: Path, values: Mapping[str, Any]) -> str:
    """A template with its values, which are escaped so that they begin no block. A name without a value is an error."""
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_escaped,
    )
    environment.filters["number"] = number
    return environment.get_template(template.name).render(values)


def _escaped(value: Any) -> Any:
    """A value on one line, with its marks as HTML's entities; what a macro wrote is escaped already."""
    if hasattr(value, "__html__"):
        return value
    return FILTERS["safe"](re.sub(r"\s+", " ", str(value)).translate(MARKS))


def _split(text: str) -> tuple[dict[str, str], str, list[str], list[Block]]:
    """The entries at the top of a rendered template, the title, the summary's paragraphs, and the blocks."""
    _, top, body = text.split("---\n", 2)
    entries = {key: unescape(entry) for key, _, entry in (line.partition(": ") for line in top.splitlines())}
    _, *pieces = HEADING.split(body)
    title, summary, part, blocks = "", list[str](), None, list[Block]()
    for level, heading, content in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
        paragraphs = [" ".join(paragraph.split()) for paragraph in PARAGRAPH.split(content) if paragraph.strip()]
        if level == "#":
            title, summary = unescape(heading), list(map(unescape, paragraphs))
            continue
        if level == "##":
            part = None if paragraphs else unescape(heading)
        if paragraphs:
            blocks.append(_block(unescape(heading), paragraphs) | ({"part": part} if part else {}))
    return entries, title, summary, blocks


def _block(title: str, paragraphs: Sequence[str]) -> Block:
    """What a block says: name and alternative text of what it shows, if anything; its paragraphs; its list of files."""
    shown = [IMAGE.fullmatch(paragraph) for paragraph in paragraphs]
    alt, name = next((found.groups() for found in shown if found), ("", ""))
    words = [text for text, found in zip(paragraphs, shown, strict=True) if not found]
    items = [(IMAGE.findall(text), IMAGE.sub("", text[2:]).strip()) for text in words if text.startswith("- ")]
    return {
        "name": name,
        "title": title,
        "alt": unescape(alt).strip(),
        "paragraphs": [unescape(text) for text in words if not text.startswith("- ")],
        "items": [([unescape(alt) for alt, _ in images], unescape(caption)) for images, caption in items],
    }


def _filled(block: Block, files: Mapping[str, Block]) -> Block:
    """A block as pages show it: what the template says together with the files."""
    named: Block = {key: block[key] for key in ("title", "part") if key in block}
    if not block["name"]:
        return {"kind": "text", "text": "\n\n".join(block["paragraphs"]), **named}
    found = files[block["name"]]
    named |= {"caption": " ".join(block["paragraphs"])} | ({"alt": block["alt"]} if found["kind"] == "figure" else {})
    kind = found["kind"]
    if kind not in found:
        return found | named
    shown = [
        pictures | dict(zip(("alt", "marks"), alts, strict=False)) | {"caption": caption}
        for pictures, (alts, caption) in zip(found[kind], block["items"], strict=True)
    ]
    return found | named | {kind: shown}  # such as the videos of a block of videos
