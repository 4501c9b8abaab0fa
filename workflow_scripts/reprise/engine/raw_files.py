"""Digests of a user's files by content: a new time alone is no change, and an old time hides no change.

An index keeps the digest of each file by its size, times and inode, as Git does. Only files whose entry in the folder
changed are read again. The index holds no names.
"""

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from reprise.engine.folders import files_below
from reprise.engine.records import FOLDER, read_record, remember, write_quietly

READERS = 8
# A file that changed so recently may change again without a new time.
SETTLED_NS = 2_000_000_000
HASH_DIGITS = 12


def files_digest(root: str) -> str:
    """Digest of the paths and contents of all files below a folder (hidden ones left out), or of a single file."""
    return remember(_contents(root))


def downloaded_digest(root: str, receipt: str) -> str:
    """Digest of a download, before it is made and after: of what is there, and of what the receipt says of the rest."""
    return remember(_receipt_files(receipt) | _contents(root))


def changed_downloads(root: str, receipt: str) -> list[str]:
    """The files of a download whose content is not what the receipt says."""
    there = _contents(root)
    return [path for path, sha256 in _receipt_files(receipt).items() if there.get(path, sha256) != sha256]


def own_files_digest(root: str) -> str:
    """The same for a user's own files. Its record names no file, because a name may identify a person."""
    contents = _contents(root)
    names = hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()[:16]
    return remember({case_name(sha256): sha256 for sha256 in contents.values() if sha256} | {"names": names})


def case_name(sha256: str) -> str:
    """The neutral name of a file with this content."""
    return f"case-{sha256[:HASH_DIGITS]}"


def _receipt_files(receipt: str) -> dict[str, str]:
    """SHA-256 by path, as the step that downloads has written them down; empty if it has not."""
    record = read_record(Path(receipt))
    files = record.get("files") if isinstance(record, dict) else None
    return files if isinstance(files, dict) else {}


@cache
def _contents(root: str) -> dict[str, str]:
    """SHA-256 by path below the root; the path of the root itself is empty."""
    states = {path.relative_to(root).as_posix().removeprefix("."): _state(path) for path in files_below(Path(root))}
    states = {path: state for path, state in states.items() if state}
    index_path = FOLDER / f"index-{hashlib.sha256(str(Path(root).absolute()).encode()).hexdigest()[:16]}.json"
    index = _read_index(index_path)
    known = {path: index[state] for path, state in states.items() if state in index}
    changed = [path for path in states if path not in known]
    began = time.time_ns()
    with ThreadPoolExecutor(READERS) as pool:
        known |= zip(changed, pool.map(lambda path: _content(Path(root, path)), changed), strict=True)
    settled = {state: known[path] for path, state in states.items() if _settled(state, began) and known[path]}
    if settled != index:
        write_quietly(index_path, json.dumps(settled))
    return known


def _state(path: Path) -> str:
    """Size, times in ns of the last change of content and of the entry, and inode; empty for a link to nothing."""
    try:
        stat = path.stat()
    except OSError:
        return ""
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"


def _settled(state: str, now_ns: int) -> bool:
    return int(state.split()[2]) < now_ns - SETTLED_NS


def _content(path: Path) -> str:
    """SHA-256 of a regular file; empty if it cannot be read, and then the step that reads it reports that."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _read_index(path: Path) -> dict[str, str]:
    """SHA-256 by state; empty if the index is missing or damaged."""
    index = read_record(path)
    return index if isinstance(index, dict) and all(isinstance(sha256, str) for sha256 in index.values()) else {}
