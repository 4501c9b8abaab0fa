"""Writes pages. Each is one HTML file that asks the network for nothing and can be read without scripts."""

import base64
import hashlib
import re
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from jinja2 import Environment, PackageLoader, StrictUndefined

from reprise.report.page_tables import as_table
from reprise.step.errors import InputError
from reprise.step.files import outputs

# Entries of a table of contents: identifier, title, and the same for entries below.
Contents = list[tuple[str, str, list[tuple[str, str]]]]
_LONG_WORD = re.compile(r"([^\s/\u200b]{24})(?=[^\s/\u200b]{8})")
_TYPES = {".png": "image/png", ".webp": "image/webp", ".mp4": "video/mp4", ".csv": "text/csv"}
_DRAWING = "{http://www.w3.org/2000/svg}svg"
_PLAIN = " /:;=?,.-_()!*@+{}[]"  # what of a drawing needs no code in a link, nor in an attribute of HTML
ALLOWED = "img-src data:; media-src data:; base-uri 'none'; form-action 'none'"


def write_page(target: str | Path, template: str, **values: Any) -> None:
    """Render a template into a file, whole or not at all.

    Args:
        target: the HTML file.
        template: a template of this package that extends `base.html.j2`.
        values: what the template shows. The base needs `title` and `contents` (as `Contents`). `script` may name a
            JavaScript file beside the templates: it is then the only script that the page allows.

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
    style, code = (_source(environment, name) if name else "" for name in ("style.css", values.get("script", "")))
    policy = f"default-src 'none'; style-src '{_digest(style)}'; {ALLOWED}"
    policy += f"; script-src '{_digest(code)}'" if code else ""
    page = environment.get_template(template).render({**values, "style": style, "script": code, "policy": policy})
    with outputs(target) as (partial,):
        partial.write_text(page, encoding="utf-8")


def data_uri(file: Path) -> str:
    """A link that holds a whole file: a picture, a drawing, a video or a table. The ending of its name says which.

    A drawing (SVG) stays text, which is shorter. As the source of an `<img>` it runs no script and loads nothing.

    Raises:
        InputError: a drawing that is no readable SVG.
    """
    content = file.read_bytes()
    if file.suffix != ".svg":
        return f"data:{_TYPES[file.suffix]};base64,{base64.b64encode(content).decode()}"
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise InputError(f"{file}: not a readable SVG: {error}") from error
    if root.tag != _DRAWING:
        raise InputError(f"{file}: not an SVG: its root is {root.tag}")
    text = quote(content.replace(b"\n", b" "), _PLAIN)
    return f"data:image/svg+xml,{text}"


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _digest(text: str) -> str:
    """The hash of an inline style or script, in the form that a Content-Security-Policy has."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def breakable(text: str) -> str:
    """Text as HTML with places where a line may break: after each slash, and within long words."""
    broken = _LONG_WORD.sub("\\1\u200b", text.replace("/", "/\u200b"))
    return escape(broken).replace("\u200b", "<wbr>")
