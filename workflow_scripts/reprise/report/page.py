"""Writes pages: one self-contained HTML file each, which asks the network for nothing and needs no script."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from reprise.files import outputs
from reprise.report.blocks import prepared
from reprise.report.tables import as_table

# Entries of a table of contents: identifier, title, and the same for entries below.
Contents = list[tuple[str, str, list[tuple[str, str]]]]
_LONG_WORD = re.compile(r"([^\s/\u200b]{24})(?=[^\s/\u200b]{8})")
VIDEO_BYTES = 2_500_000
ALLOWED = "img-src data:; media-src data:; base-uri 'none'; form-action 'none'"


def small_page(
    target: str | Path,
    title: str,
    blocks: Sequence[Mapping[str, Any]],
    banner: str | None = None,
    paragraphs: Sequence[str] = (),
) -> None:
    """Write a page of blocks, in the look of the report.

    Args:
        target: the HTML file.
        title: the page's title and heading.
        blocks: blocks as in a study's section (`blocks.REQUIRED`); a table may have a data frame `frame` for its `csv`.
        banner: a warning to stand above everything.
        paragraphs: what to say before the first block.

    Raises:
        InputError: a block's file is missing or damaged, or the page cannot be written.
    """
    ready = prepared(blocks, "block", VIDEO_BYTES)
    contents: Contents = [(block["id"], block["title"], []) for block in ready]
    write_page(
        target, "small.html.j2", title=title, banner=banner, paragraphs=paragraphs, blocks=ready, contents=contents
    )


def write_page(target: str | Path, template: str, **values: Any) -> None:
    """Render a template of this package into a file, whole or not at all."""
    environment = Environment(
        loader=PackageLoader("reprise.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["as_table"] = as_table
    environment.filters["breakable"] = breakable
    style = environment.loader.get_source(environment, "style.css")[0]  # type: ignore[union-attr]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; {ALLOWED}"
    page = environment.get_template(template).render(style=Markup(style), policy=policy, **values)
    with outputs(target) as (partial,):
        partial.write_text(page, encoding="utf-8")


def breakable(text: str) -> Markup:
    """Text with places where a line may break: after a slash, and within what has no other place for long."""
    broken = _LONG_WORD.sub("\\1\u200b", text.replace("/", "/\u200b"))
    return Markup(str(escape(broken)).replace("\u200b", "<wbr>"))
