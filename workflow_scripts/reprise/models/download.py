"""Gets files of weights by download, or from a folder of the user."""

import hashlib
import http.client
import re
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from reprise.models.initial import read_state_dict
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import outputs

TIMEOUT_S = 60
PIECE_BYTES = 1 << 20
HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.[a-z0-9]+$")  # as PyTorch names its files


def fetch_weights(source: str, target: Path, sha256: str | None = None) -> None:
    """Get a file of weights from a URL or a path, and check that it is whole.

    Args:
        source: URL (http or https) or path.
        target: file to write. It appears only if all went well.
        sha256: the expected SHA-256, or its start. By default it is taken from the end of the source's name, if it is
            there.

    Raises:
        InputError: no such file or URL, another SHA-256 than expected, or not a readable file of weights.
    """
    in_name = HASH_IN_NAME.search(source)
    expected = sha256 or (in_name.group(1) if in_name else "")
    with outputs(target) as (partial,):
        if re.match("https?://", source):
            _download(source, partial)
        else:
            _copy(Path(source), partial)
        with partial.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if not found.startswith(expected.lower()):
            raise InputError(f"{source}: expected SHA-256 {expected}, found {found}")
        try:
            read_state_dict(partial)
        except InputError as error:
            raise InputError(str(error).replace(str(partial), source)) from error


def _download(url: str, target: Path) -> None:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response, target.open("wb") as stream:
            size = int(response.headers.get("Content-Length") or 0)
            for piece in progress(_pieces(response), f"downloading {url}, MB", size // PIECE_BYTES + 1 or None):
                stream.write(piece)
            found = stream.tell()
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "filename", None) == str(target):
            raise
        raise InputError(f"{url}: cannot be downloaded ({error})") from error
    if size and found != size:
        raise InputError(f"{url}: the download broke off after {found} of {size} bytes; try again")


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while piece := response.read(PIECE_BYTES):
        yield piece


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise InputError(f"{source}: no such file of weights")
    shutil.copyfile(source, target)
