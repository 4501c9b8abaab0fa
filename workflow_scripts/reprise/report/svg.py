"""Inlines SVG figures: identifiers of their own, no style, no script, and a description for those who cannot see."""

import re
from pathlib import Path
from xml.etree import ElementTree

from reprise.step.errors import InputError

SVG = "http://www.w3.org/2000/svg"
XLINK = "{http://www.w3.org/1999/xlink}href"
PIXELS_A_POINT = 4 / 3
_DROPPED = {"metadata", "script", "foreignObject", "title", "desc"}
_FOR_ALL = re.compile(r"^\s*(?:\*\s*\{([^}]*)\}\s*)?$")
_REFERENCE = re.compile(r"(?:^|url\()#([^)]+)")
_COORDINATES = {"d", "x", "y", "points"}
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")


def inline_svg(path: str | Path, prefix: str, title: str, alt: str) -> str:
    """An SVG file as an element that may stand in a page beside others and under a policy without inline styles.

    Identifiers and references to them get a prefix; `style` becomes presentation attributes; scripts, event handlers,
    metadata and references to anything outside the file go.

    Args:
        path: the SVG file.
        prefix: unique in the page, letters, digits and hyphens.
        title: the figure's name.
        alt: what the figure shows, in words.

    Raises:
        InputError: no readable SVG, or one with a style sheet that names elements.
    """
    try:
        root = ElementTree.fromstring(Path(path).read_bytes())
    except (OSError, ElementTree.ParseError) as error:
        raise InputError(f"{path}: not a readable SVG: {error}") from error
    if root.tag != f"{{{SVG}}}svg":
        raise InputError(f"{path}: not an SVG: its root is {root.tag}")
    _hoist_style_sheets(root, path)
    _drop(root)
    values = [value for element in root.iter() for value in element.attrib.values()]
    referred = {name for value in values for name in _REFERENCE.findall(value)}
    for element in root.iter():
        _make_safe(element, prefix, referred)
    _describe(root, prefix, title, alt)
    ElementTree.register_namespace("", SVG)
    return ElementTree.tostring(root, encoding="unicode")


def _hoist_style_sheets(root: ElementTree.Element, path: str | Path) -> None:
    """Turn matplotlib's rule for all elements into attributes of the root, from which all inherit."""
    for parent in list(root.iter()):
        for sheet in parent.findall(f"{{{SVG}}}style"):
            rule = _FOR_ALL.match(sheet.text or "")
            if rule is None:
                raise InputError(f"{path}: its style sheet cannot be inlined; expected at most one rule, for all (*)")
            _set_style(root, rule.group(1) or "")
            parent.remove(sheet)


def _drop(parent: ElementTree.Element) -> None:
    for child in list(parent):
        if not isinstance(child.tag, str) or child.tag.rpartition("}")[2] in _DROPPED:
            parent.remove(child)
        else:
            _drop(child)


def _make_safe(element: ElementTree.Element, prefix: str, referred: set[str]) -> None:
    """Clean one element's attributes, prefix its references, and drop indentation and identifiers without use."""
    _set_style(element, element.attrib.pop("style", ""))
    target = element.attrib.pop(XLINK, element.attrib.pop("href", ""))
    if target.startswith("#"):
        element.set("href", f"#{prefix}-{target[1:]}")
    elif target.startswith("data:image/"):
        element.set("href", target.replace("\n", ""))
    for name, value in list(element.attrib.items()):
        if name.lower().startswith("on") or (name == "id" and value not in referred):
            del element.attrib[name]
        elif name == "id":
            element.set("id", f"{prefix}-{value}")
        elif name in _COORDINATES:
            element.set(name, _LONG_NUMBER.sub(lambda number: f"{float(number[0]):.2f}", " ".join(value.split())))
        else:
            element.set(name, value.replace("url(#", f"url(#{prefix}-"))
    if "\n" in (element.tail or "") and not (element.tail or "").strip():
        element.tail = None


def _set_style(element: ElementTree.Element, style: str) -> None:
    for declaration in filter(str.strip, style.split(";")):
        name, _, value = declaration.partition(":")
        element.set(name.strip(), value.strip())


def _describe(root: ElementTree.Element, prefix: str, title: str, alt: str) -> None:
    for name in ("width", "height"):
        if root.get(name, "").endswith("pt"):
            root.set(name, f"{float(root.get(name, '')[:-2]) * PIXELS_A_POINT:.0f}")
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}-title {prefix}-desc")
    for position, (tag, text) in enumerate((("title", title), ("desc", alt))):
        element = ElementTree.Element(f"{{{SVG}}}{tag}", {"id": f"{prefix}-{tag}"})
        element.text = text
        root.insert(position, element)
