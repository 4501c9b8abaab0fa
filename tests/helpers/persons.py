"""Names of persons in all places of a user's own files, and the search for them in what is written."""

import base64
import gzip
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

FOLDER = "Roe_Richard"
# Among them two short names, a date, and letters that have two forms in Unicode.
NAMES = (FOLDER, "Li^Ng", "Li_Ng", "12Mar1954", "Zo\u00eb_M\u00fcller", "MRN-20071231", "Roe^Richard", "WardSeven")
# Whole groups of four only: compiled Python may hold the word, followed by any byte.
EMBEDDED = re.compile(rb"base64,((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)")


def written_with_a_name(folder: Path) -> list[str]:
    """Files below a folder, other than `key.csv`, that have one of the names in their path or content."""
    patterns = [re.escape(form) for name in NAMES for form in _forms(name)]
    search = re.compile(b"|".join(patterns), re.IGNORECASE)
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "key.csv"]
    assert files
    texts = {path.relative_to(folder).as_posix(): list(_contents(path)) for path in files}
    return [name for name, contents in texts.items() if any(map(search.search, [name.encode(), *contents]))]


def _forms(name: str) -> Iterator[bytes]:
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, name)
        yield from (text.encode(), text.encode("utf-16-le"), ascii(text)[1:-1].encode())
    yield from ([name.encode("latin-1")] if not name.isascii() else [])


def _contents(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    yield from map(base64.b64decode, EMBEDDED.findall(content))
