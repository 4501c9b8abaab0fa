"""Writes pages: one self-contained HTML file each, which asks the network for nothing and needs no script."""

import base64
import hashlib
import re
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from reprise.files import outputs
from reprise.report.tables import as_table

# Entries of a table of contents: identifier, title, and the same for entries below.
Contents = list[tuple[str, str, list[tuple[str, str]]]]
_LONG_WORD = re.compile(r"([^\s/\u200b]{24})(?=[^\s/\u200b]{8})")
ALLOWED = "img-src data:; media-src data:; base-uri 'none'; form-action 'none'"


def write_page(target: str | Path, template: str, **values: Any) -> None:
    """Render a template into a file, whole or not at all.

    Args:
        target: the HTML file.
        template: a template of this package that extends `base.html.j2`.
        values: what the template shows; `title` and `contents` (as `Contents`) are what the base needs.

    Raises:
        InputError: the file cannot be written.
    """
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
    page = environment.get_template(template).render(style=style, policy=policy, **values)
    with outputs(target) as (partial,):
        partial.write_text(page, encoding="utf-8")


def breakable(text: str) -> str:
    """Text as HTML with places where a line may break: after a slash, and within what has no other place for long."""
    broken = _LONG_WORD.sub("\\1\u200b", text.replace("/", "/\u200b"))
    return escape(broken).replace("\u200b", "<wbr>")
