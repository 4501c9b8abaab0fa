"""What a run crate says of files and folders: their SHA-256, by which those that are not packed are named, too."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from reprise.engine.raw_files import READERS, digests_below
from reprise.step.errors import InputError
from reprise.step.files import file_sha256
from reprise.step.tables import read_table


class Content(NamedTuple):
    """A file's SHA-256 and size in bytes. For a folder these are of `listing`, a table of its files by content."""

    sha256: str
    size: int
    listing: bytes | None = None


def contents(paths: Iterable[str]) -> dict[str, Content]:
    """The content of files and folders, each read once. Folders that did not change since the last time are not read.

    Raises:
        InputError: one is missing or cannot be read.
    """
    names = sorted(set(paths))
    with ThreadPoolExecutor(READERS) as pool:
        return dict(zip(names, pool.map(_content, names), strict=True))


def raw_content(manifest: str) -> Content:
    """The content of a raw data set, from the hashes that its check has written down.

    Raises:
        InputError: the manifest is no CSV with the columns sha256 and bytes.
    """
    table = read_table(manifest, {"sha256": str, "bytes": int})
    return _listed(zip(table["sha256"], table["bytes"], strict=True))


def content_id(content: Content, name: str) -> str:
    """A name of content that is not packed: a URI of RFC 6920, by its SHA-256. The query tells equal files apart."""
    digest = base64.urlsafe_b64encode(bytes.fromhex(content.sha256)).decode().rstrip("=")
    return f"ni:///sha-256;{digest}?name={quote(name)}"


def listing_path(name: str) -> str:
    """Where in the crate the listing of a folder lies."""
    return f"listings/{name}.csv"


def _content(path: str) -> Content:
    try:
        if not Path(path).is_dir():
            return Content(file_sha256(Path(path)), Path(path).stat().st_size)
        digests: Mapping[str, str] = digests_below(path)
        return _listed((sha256, Path(path, name).stat().st_size) for name, sha256 in digests.items())
    except OSError as error:
        raise InputError(f"{path}: not readable: {error.strerror}") from error


def _listed(files: Iterable[tuple[str, int]]) -> Content:
    """A folder, by its files' content alone: their names may be those of persons."""
    rows = sorted(files)
    listing = "".join(["sha256,bytes\n", *(f"{sha256},{size}\n" for sha256, size in rows)]).encode()
    return Content(bytes_sha256(listing), len(listing), listing)


def bytes_sha256(content: bytes) -> str:
    """SHA-256 of some bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
