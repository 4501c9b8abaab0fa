"""Digests of a user's files by content: a new time alone is no change, and an old time hides no change.

An index keeps each digest with the size, times and inode of its file, as Git does. Only files whose entry in the folder
changed are read again.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from reprise.engine.records import FOLDER, remember, write_quietly

READERS = 8
# A file that changed so recently may change again without a new time.
SETTLED_NS = 2_000_000_000
State = list[int]  # size, time of the last change of content and of the entry in ns, inode


@cache
def files_digest(root: str) -> str:
    """Digest of the paths and contents of all files below a folder (hidden ones left out), or of a single file."""
    states = dict(_states(root))
    index_path = FOLDER / f"index-{hashlib.sha256(str(Path(root).absolute()).encode()).hexdigest()[:16]}.json"
    index = _read_index(index_path)
    known = {path: index[path][1] for path, state in states.items() if path in index and index[path][0] == state}
    changed = [path for path in states if path not in known]
    began = time.time_ns()
    with ThreadPoolExecutor(READERS) as pool:
        known |= zip(changed, pool.map(lambda path: _content(Path(root, path)), changed), strict=True)
    if changed or states.keys() != index.keys():
        settled = {
            path for path, (_, _, changed_ns, _) in states.items() if changed_ns < began - SETTLED_NS and known[path]
        }
        write_quietly(index_path, json.dumps({path: [states[path], known[path]] for path in settled}))
    return remember(known)


def _states(root: str, below: str = "", seen: frozenset[Path] = frozenset()) -> Iterator[tuple[str, State]]:
    """Path below the root and state of each file; linked folders are followed, but not in circles."""
    folder = Path(root, below)
    if not folder.is_dir():
        yield from [("", _state(folder.stat()))] if folder.is_file() else []
        return
    seen = seen | {folder.resolve()}
    for entry in os.scandir(folder):
        path = f"{below}{entry.name}"
        if entry.name.startswith("."):
            continue
        if entry.is_file():
            yield path, _state(entry.stat())
        elif entry.is_dir() and Path(entry.path).resolve() not in seen:
            yield from _states(root, f"{path}/", seen)


def _state(stat: os.stat_result) -> State:
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _content(path: Path) -> str:
    """SHA-256 of a file; empty if it cannot be read, and then the step that reads it reports that."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _read_index(path: Path) -> dict[str, Any]:
    """State and hash by path; empty if the index is missing or damaged."""
    try:
        index = json.loads(path.read_text())
        return {name: (state, sha) for name, (state, sha) in index.items() if isinstance(sha, str)}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
