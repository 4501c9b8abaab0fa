"""Neutral names for raw files and folders in a run crate, because their own names may be those of persons."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import markupsafe

from reprise.data.own_files import ENDING
from reprise.engine.raw_files import case_name
from reprise.step.errors import InputError
from reprise.step.tables import read_table, read_text_table

# A name with three characters and a letter, or a long number.
TELLING = re.compile(r"^(?=.*[^\W\d]).{3,}|\d{6,}")
PLACE = re.compile(r"(^| )(row|frame) \d+$")  # what a finding says behind a name
COUNTED = re.compile(r"\d+ files")  # or instead of one
RUN = re.compile(r"[A-Za-z0-9]+")  # what `word` does not cut: a name is a word of a text only if all its runs are there
PICTURE = re.compile(r"base64,[A-Za-z0-9+/=]+")
BREAK = "<wbr>"  # a page may have it anywhere in a name


def raw_names(manifests: Iterable[str], public: bytes) -> dict[str, str]:
    """For each name of a raw file or folder, as it may be written, the neutral name that stands for it.

    A file of a manifest is named by its content, with and without its ending. Other files and folders, which the
    findings beside a manifest name, have numbers. Left out is what the project's own code has as a word, and what no
    search can tell from a word or a number.

    Args:
        manifests: paths of manifests; findings.csv lies beside each.
        public: the project's own code.

    Raises:
        InputError: a manifest is no CSV with the columns path and sha256, or its findings have no file and where.
    """
    known = public.decode(errors="replace")
    runs = set(RUN.findall(known))
    names: dict[str, str] = {}
    others: list[str] = []
    for manifest in manifests:
        table = read_table(manifest, {"path": str, "sha256": str})
        for path, sha256 in zip(map(PurePosixPath, table["path"]), table["sha256"], strict=True):
            names |= _with_and_without_ending(path.name, case_name(sha256))
            others += path.parts[:-1]
        others += _named_by_findings(Path(manifest).with_name("findings.csv"))
    unlisted = [name for name in dict.fromkeys(others) if name not in names and _is_private(name, known, runs)]
    for number, name in enumerate(unlisted, start=1):
        for form, neutral in _with_and_without_ending(name, f"other-{number}").items():
            names.setdefault(form, neutral)
    private = {name: neutral for name, neutral in names.items() if _is_private(name, known, runs)}
    return {form: neutral for name, neutral in private.items() for form in _forms(name)}


def without_raw_names(files: Mapping[str, bytes], names: Mapping[str, str]) -> dict[str, bytes]:
    """The same files with neutral names of raw files and folders."""
    present = word(present_names(files.values(), names))
    if not present:
        return dict(files)
    bytes_kept = "surrogateescape"  # pictures are no text
    texts = {file: content.decode(errors=bytes_kept) for file, content in files.items()}
    return {
        file: present.sub(lambda found: names[found[0].replace(BREAK, "")], text).encode(errors=bytes_kept)
        for file, text in texts.items()
    }


def present_names(files: Iterable[bytes], names: Iterable[str]) -> list[str]:
    """The names that may stand as words in some files; pictures inside a page are not looked at."""
    text = "\n".join(PICTURE.sub("", content.decode(errors="replace")) for content in files).replace(BREAK, "")
    runs = set(RUN.findall(text))
    return [name for name in names if runs.issuperset(RUN.findall(name)) and name in text]


def word(names: Iterable[str]) -> re.Pattern[str] | None:
    """Any of these names, not as a part of a longer word or number; None if there is no name."""
    longest_first = sorted(names, key=len, reverse=True)
    if not longest_first:
        return None
    return re.compile(rf"(?<![A-Za-z0-9.])(?:{'|'.join(map(_breakable, longest_first))})(?![A-Za-z0-9])")


def _breakable(name: str) -> str:
    """A pattern for a name, in which a page may break the line anywhere."""
    return f"(?:{BREAK})?".join(map(re.escape, name))


def _with_and_without_ending(name: str, neutral: str) -> dict[str, str]:
    stem = ENDING.sub("", name)
    return {stem: neutral, name: neutral + name.removeprefix(stem)}


def _named_by_findings(findings: Path) -> Iterator[str]:
    """The parts of paths in the findings of a check, and the cases that they are about."""
    table = read_text_table(findings)
    if not {"file", "where"} <= {*table}:
        raise InputError(f"{findings}: expected the columns file and where; found {','.join(map(str, table.columns))}")
    for text in [*table["file"].dropna(), *table["where"].dropna()]:
        named = PLACE.sub("", text)
        if not COUNTED.fullmatch(named):
            yield from PurePosixPath(named).parts


def _is_private(name: str, known: str, runs: set[str]) -> bool:
    """Whether a name may tell something, and the code, which has these runs, has it not as a word."""
    if not TELLING.search(name):
        return False
    pattern = word([name]) if runs.issuperset(RUN.findall(name)) else None
    return not (pattern and pattern.search(known))


def _forms(name: str) -> set[str]:
    """A name as text, in HTML, in XML, in JSON and in a link."""
    pages = {escape(name), escape(name, quote=False), str(markupsafe.escape(name))}
    return {name, *pages, json.dumps(name)[1:-1], quote(name)}
