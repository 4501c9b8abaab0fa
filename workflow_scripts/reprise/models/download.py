"""Gets files of weights by download, or from a folder of the user."""

import re
import shutil
from pathlib import Path

from reprise.data.web_file import download, forget
from reprise.engine.links import link_fault, shown
from reprise.models.initial import LARGEST_BYTES, read_state_dict
from reprise.models.known_weights import SHA256
from reprise.step.command import say
from reprise.step.errors import InputError
from reprise.step.files import file_sha256, outputs

MARK = "sha256="
HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.[a-z0-9]+$")  # as PyTorch names its files


def fetch_weights(source: str, target: Path, sha256: str | None = None) -> None:
    """Get a file of weights from a URL or a path, and check that it is whole.

    Args:
        source: URL or path. A URL of https leads to no other protocol; http must be asked for by name. Behind a URL may
            stand `#sha256=` and the expected SHA-256.
        target: file to write. It appears only if all went well.
        sha256: the expected SHA-256, or its start. By default that behind the URL, or that of the known file of this
            name, or else the end of the source's name, if that has one.

    Raises:
        InputError: no such file or URL, a URL whose SHA-256 nothing tells, another SHA-256 than expected, or not a
            readable file of weights.
    """
    is_remote = bool(re.match("https?://", source))
    name = shown(source) if is_remote else source
    if is_remote and (fault := link_fault(source)):
        raise InputError(f"weights: {fault}")
    expected = sha256 or _digest_of(source, name, is_remote)
    if is_remote and not expected:
        raise InputError(
            f"{name}: expected its SHA-256 behind the URL, such as {name}#sha256=DIGITS; none is in its name"
        )
    with outputs(target) as (partial,):
        if is_remote:
            try:
                download(source.partition("#")[0], partial, LARGEST_BYTES)
            finally:
                forget(partial)
        else:
            _copy(Path(source), partial)
        found = file_sha256(partial)
        say(f"SHA-256 {found}, of which {len(expected)} digits were known before")
        if not found.startswith(expected.lower()):
            raise InputError(f"{name}: expected SHA-256 {expected}, found {found}")
        try:
            read_state_dict(partial)
        except InputError as error:
            raise InputError(str(error).replace(str(partial), name)) from error


def _digest_of(source: str, name: str, is_remote: bool) -> str:
    """The SHA-256 that a source is said to have, or its start; empty if nothing tells it."""
    fragment = source.partition("#")[2] if is_remote else ""
    if fragment.startswith(MARK):
        digest = fragment.removeprefix(MARK).lower()
        if not re.fullmatch("[0-9a-f]{8,64}", digest):
            raise InputError(f"{name}: expected 8 to 64 hexadecimal digits behind #{MARK}")
        return digest
    in_name = HASH_IN_NAME.search(name)
    return SHA256.get(Path(name).name) or (in_name.group(1) if in_name else "")


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise InputError(f"{source}: no such file of weights")
    shutil.copyfile(source, target)
