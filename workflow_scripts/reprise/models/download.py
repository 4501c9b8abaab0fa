"""Gets files of weights by download, or from a folder of the user."""

import hashlib
import http.client
import re
import shutil
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reprise.models.initial import LARGEST_BYTES, read_state_dict
from reprise.step.command import progress, say
from reprise.step.errors import InputError
from reprise.step.files import outputs

TIMEOUT_S = 60  # without a byte
LONGEST_S = 3600  # of a whole download
PIECE_BYTES = 1 << 20
HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.[a-z0-9]+$")  # as PyTorch names its files


def fetch_weights(source: str, target: Path, sha256: str | None = None) -> None:
    """Get a file of weights from a URL or a path, and check that it is whole.

    Args:
        source: URL or path. A URL of https leads to no other protocol; http must be asked for by name.
        target: file to write. It appears only if all went well.
        sha256: the expected SHA-256, or its start. By default it is taken from the end of the source's name, if it is
            there.

    Raises:
        InputError: no such file or URL, another SHA-256 than expected, or not a readable file of weights.
    """
    if re.match(r"https?://[^/]*@", source):
        raise InputError("a URL of weights with a password in it: logs would show it; get the file yourself")
    in_name = HASH_IN_NAME.search(source)
    expected = sha256 or (in_name.group(1) if in_name else "")
    with outputs(target) as (partial,):
        if re.match("https?://", source):
            _download(source, partial)
        else:
            _copy(Path(source), partial)
        with partial.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        say(f"SHA-256 {found}, of which {len(expected)} digits were known before")
        if not found.startswith(expected.lower()):
            raise InputError(f"{source}: expected SHA-256 {expected}, found {found}")
        try:
            read_state_dict(partial)
        except InputError as error:
            raise InputError(str(error).replace(str(partial), source)) from error


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """Follows no redirection from https to anything else."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if req.type == "https" and not newurl.startswith("https://"):
            raise ValueError("https leads to an address without it")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _download(url: str, target: Path) -> None:
    shown = url.partition("?")[0]  # what follows may be a key
    until = time.monotonic() + LONGEST_S
    try:
        opener = urllib.request.build_opener(_NoDowngrade)
        with opener.open(url, timeout=TIMEOUT_S) as response, target.open("wb") as stream:
            size = int(response.headers.get("Content-Length") or 0)
            for piece in progress(_pieces(response), f"downloading {shown}, MB", size // PIECE_BYTES + 1 or None):
                stream.write(piece)
                if max(size, stream.tell()) > LARGEST_BYTES:
                    raise InputError(f"{shown}: expected at most {LARGEST_BYTES >> 20} MB, found more")
                if time.monotonic() > until:
                    raise InputError(f"{shown}: the download took more than {LONGEST_S // 60} minutes")
            found = stream.tell()
    except (OSError, ValueError, http.client.HTTPException) as error:
        if getattr(error, "filename", None) == str(target):
            raise
        raise InputError(f"{shown}: cannot be downloaded ({error})") from error
    if size and found != size:
        raise InputError(f"{shown}: the download broke off after {found} of {size} bytes; try again")


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while piece := response.read(PIECE_BYTES):
        yield piece


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise InputError(f"{source}: no such file of weights")
    shutil.copyfile(source, target)
