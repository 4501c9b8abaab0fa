"""Records of digested content: JSON files named by their digest, so that a later change can be named."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

FOLDER = Path("results/fingerprints")


def remember(content: Any) -> str:
    """The digest of a JSON value; the value is kept under its digest, if the folder can be written."""
    text = json.dumps(content, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = FOLDER / f"{digest}.json"
    if not path.exists():
        write_quietly(path, text)
    return digest


def recall(digest: Any) -> Any:
    """The JSON value with this digest; None if it is no digest, or if there is no record."""
    return read_record(FOLDER / f"{digest}.json")


def read_record(path: Path) -> Any:
    """The JSON value in a file; None if it is missing or damaged."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def write_quietly(path: Path, text: str) -> None:
    """Write a file whole or not at all; a failure only means that the record is missing later."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text)
        partial.replace(path)
