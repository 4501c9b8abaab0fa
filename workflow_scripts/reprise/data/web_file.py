"""A file by HTTP: bounded in size and time, tried again after growing pauses, gone on with where it broke off."""

import http
import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError, MaxRetryError
from urllib3.util import Retry

from reprise.engine.links import shown
from reprise.step.command import progress, say, tell
from reprise.step.errors import InputError

TIMEOUT_S = 60  # without a byte
LONGEST_S = 24 * 3600  # of a whole download
TRIES, PAUSE_S, LONGEST_PAUSE_S = 5, 1.0, 60
PIECE_BYTES = 1 << 20
PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that may change by themselves
EXPLAINED = {401: "; is a key missing?", 403: "; has the link expired?"}


class _BrokenError(Exception):
    """What another try may mend; the text is for the user and shows no key."""

    def __init__(self, text: str, response: requests.Response | None = None) -> None:
        super().__init__(text)
        self.response = response


class _Session(requests.Session):
    """Follows no redirection from https to anything else."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target and resp.url.startswith("https:") and re.match("(?!https:)[a-z]+:", target, re.IGNORECASE):
            resp.close()
            raise InputError(f"{shown(resp.url)}: https leads to an address without it")
        return target


def download(link: str, target: Path, most_bytes: int, copies: int = 1) -> None:
    """Download a file. What an earlier try left of it is kept, if the server says that it is of the same content.

    Proxies and certificates are those of the environment (`https_proxy`, `REQUESTS_CA_BUNDLE`), passwords those of
    ~/.netrc.

    Args:
        link: of http or https. A link of https leads to no other protocol.
        target: file to write; after an error it holds the part that has arrived.
        most_bytes: larger files are refused.
        copies: how many times the file must fit on the disk.

    Raises:
        InputError: it cannot be had, is too large, took too long, or the disk is too small.
    """
    until = time.monotonic() + LONGEST_S
    fresh = pauses = Retry(TRIES - 1, backoff_factor=PAUSE_S, backoff_max=LONGEST_PAUSE_S, retry_after_max=600)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _Session() as session:
        while True:
            before = _size(target)
            try:
                with _ask(session, link, target) as response:
                    _receive(response, target, shown(link), most_bytes, copies, until)
                forget(target)
                return
            except _BrokenError as error:
                pauses = fresh if _size(target) - before >= PIECE_BYTES else pauses
                pauses = _next(pauses, error, shown(link))
                say(f"{shown(link)}: {error}; another try follows")
                _pause(pauses, error.response)
                if time.monotonic() > until:
                    raise _late(shown(link)) from error


def forget(target: Path) -> None:
    """Remove what `download` keeps beside a part, for a caller that keeps no parts."""
    _state_file(target).unlink(missing_ok=True)


def _next(pauses: Retry, error: _BrokenError, name: str) -> Retry:
    try:
        return pauses.increment("GET", error=error)
    except MaxRetryError:
        raise InputError(f"{name}: {error}; try again later") from error


def _pause(pauses: Retry, response: requests.Response | None) -> None:
    try:
        pauses.sleep(response.raw if response is not None else None)
    except HTTPError:  # a Retry-After that is no time
        pauses.sleep()


def _ask(session: requests.Session, link: str, target: Path) -> requests.Response:
    """The server's answer; the request asks for the part that is missing, if the server can tell it is of this file."""
    headers = {"Accept-Encoding": "identity"}
    validator = _read_state(target).get(shown(link))
    if validator and _size(target):
        headers |= {"Range": f"bytes={_size(target)}-", "If-Range": validator}
    try:
        response = session.get(link, headers=headers, stream=True, timeout=TIMEOUT_S)
    except (requests.RequestException, HTTPError, ValueError) as error:
        raise _BrokenError(f"cannot be downloaded ({_reason(error)})") from error
    if response.status_code in (200, 206):
        return response
    response.close()
    if response.status_code == 416:
        target.unlink(missing_ok=True)  # it is longer than the file now is
    phrase = http.HTTPStatus(response.status_code).phrase if response.status_code in {*http.HTTPStatus} else ""
    text = f"cannot be downloaded ({response.status_code} {phrase}{EXPLAINED.get(response.status_code, '')})"
    if response.status_code in PASSING | {416}:
        raise _BrokenError(text, response)
    raise InputError(f"{shown(link)}: {text}")


def _receive(response: requests.Response, target: Path, name: str, most: int, copies: int, until: float) -> None:
    start = _size(target) if _continues(response, target) else 0
    rest = response.raw.length_remaining  # None if the server does not say
    total = None if rest is None else start + rest
    if total is not None and total > most:
        raise InputError(f"{name}: expected at most {most >> 20} MB, found {total >> 20} MB")
    if total and copies > 1 and not start:
        tell(f"{name}: {total / 1e6:.0f} MB, for which the disk must have {copies * total / 1e6:.0f} MB free")
    refuse_small_disk(target.parent, copies * (total or 0) - start, name)
    with target.open("r+b" if start else "wb") as stream:
        stream.seek(start)
        stream.truncate()
        _write_state(target, {name: _validator(response)})  # after the old content has gone
        count = None if rest is None else rest // PIECE_BYTES + 1
        for piece in progress(_pieces(response, until, name), f"downloading {name}, MB", count):
            stream.write(piece)
            if stream.tell() > most:
                raise InputError(f"{name}: expected at most {most >> 20} MB, found more")
    if total is not None and _size(target) != total:
        raise _BrokenError(f"the download broke off after {_size(target)} of {total} bytes")


def _pieces(response: requests.Response, until: float, name: str) -> Iterator[bytes]:
    """The content in pieces of a megabyte. If the connection breaks, the content ends there."""
    piece = bytearray()
    try:
        while got := response.raw.read1(PIECE_BYTES, decode_content=False):
            piece += got
            if time.monotonic() > until:
                raise _late(name)
            if len(piece) >= PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
    except HTTPError as error:
        yield bytes(piece)
        if response.raw.length_remaining is None:
            raise _BrokenError(f"the download broke off ({_reason(error)})") from error
        return
    yield bytes(piece)


def _continues(response: requests.Response, target: Path) -> bool:
    """Whether the server sends what follows the part that is there. A server may ignore what it was asked for."""
    sent = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if response.status_code == 206 and not (sent and int(sent[1]) == _size(target)):
        target.unlink(missing_ok=True)
        raise _BrokenError("the server sent another part of the file than it was asked for")
    return response.status_code == 206


def _validator(response: requests.Response) -> str:
    """By what the server knows this content again: a strong ETag, else the date; empty if it says neither."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def refuse_small_disk(folder: Path, needed: int, name: str) -> None:
    """Raise InputError if the disk of a folder has less than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{name}: needs {needed / 1e6:.0f} MB of disk below {folder}, where {free / 1e6:.0f} MB are free"
        )


def _late(name: str) -> InputError:
    return InputError(f"{name}: the download took more than {LONGEST_S // 60} minutes")


def _reason(error: BaseException) -> str:
    """Why a connection failed, in the system's words; libraries put the whole link into theirs."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException) and cause.strerror:
            return cause.strerror
        inner = [each for each in (getattr(cause, "reason", None), *cause.args) if isinstance(each, BaseException)]
        cause = inner[0] if inner else cause.__cause__ or cause.__context__
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
    return f"no byte for {TIMEOUT_S} s" if "timeout" in words else words


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _state_file(target: Path) -> Path:
    return target.with_name(f"{target.name}.state")


def _read_state(target: Path) -> dict[str, str]:
    """The validator of the part that is there, by the shown part of its link; empty if there is none."""
    try:
        state = json.loads(_state_file(target).read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _write_state(target: Path, state: dict[str, str]) -> None:
    _state_file(target).write_text(json.dumps(state))
