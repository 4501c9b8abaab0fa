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

HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.[a-z0-9]+$")  # as PyTorch names its files


def fetch_weights(source: str, target: Path, sha256: str | None = None) -> None:
    """Get a file of weights from a URL or a path, and check that it is whole.

    Args:
        source: URL or path. A URL of https leads to no other protocol; http must be asked for by name.
        target: file to write. It appears only if all went well.
        sha256: the expected SHA-256, or its start. By default that of the known file of this name, or else the end of
            the source's name, if that has one.

    Raises:
        InputError: no such file or URL, another SHA-256 than expected, or not a readable file of weights.
    """
    is_remote = bool(re.match("https?://", source))
    name = shown(source) if is_remote else source
    if is_remote and (fault := link_fault(source)):
        raise InputError(f"weights: {fault}")
    in_name = HASH_IN_NAME.search(name)
    expected = sha256 or SHA256.get(Path(name).name) or (in_name.group(1) if in_name else "")
    with outputs(target) as (partial,):
        if is_remote:
            try:
                download(source, partial, LARGEST_BYTES)
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


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise InputError(f"{source}: no such file of weights")
    shutil.copyfile(source, target)
