"""Digests of a user's files by content: a new time alone is no change, and an old time hides no change.

An index keeps the digest of each file by its size, times and inode, as Git does. Only files whose entry in the folder
changed are read again. The index holds no names.
"""

import hashlib
import json
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path

from reprise.engine.folders import files_below
from reprise.engine.records import FOLDER, read_record, remember, write_quietly

READERS = 8
PIECE_BYTES = 2**20
LINES_EVERY_SECONDS = 10.0
# A file that changed so recently may change again without a new time.
SETTLED_NS = 2_000_000_000
HASH_DIGITS = 12


def files_digest(root: str) -> str:
    """Digest of the paths and contents of all files below a folder (hidden ones left out), or of a single file."""
    return remember(digests_below(root))


def downloaded_digest(root: str, receipt: str) -> str:
    """Digest of a download, before it is made and after: of what is there, and of what the receipt says of the rest."""
    return remember(_receipt_files(receipt) | digests_below(root))


def changed_downloads(root: str, receipt: str) -> list[str]:
    """The files of a download whose content is not what the receipt says."""
    there = digests_below(root)
    return [path for path, sha256 in _receipt_files(receipt).items() if there.get(path, sha256) != sha256]


def own_files_digest(root: str) -> str:
    """The same for a user's own files, and for where they lie, because the key leads there.

    Its record names no file, because a name may identify a person.
    """
    contents = digests_below(root)
    places = json.dumps([root, contents], sort_keys=True)  # as configured: a project that moves with its files runs on
    names = hashlib.sha256(places.encode()).hexdigest()[:16]
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
def digests_below(root: str) -> dict[str, str]:
    """SHA-256 by path below the root; the path of the root itself is empty."""
    states = {path.relative_to(root).as_posix().removeprefix("."): _state(path) for path in files_below(Path(root))}
    states = {path: state for path, state in states.items() if state}
    index_path = FOLDER / f"index-{hashlib.sha256(str(Path(root).absolute()).encode()).hexdigest()[:16]}.json"
    index = _read_index(index_path)
    known = {path: index[state] for path, state in states.items() if state in index}
    changed = [path for path in states if path not in known]
    began = time.time_ns()
    known |= _read(Path(root), {path: int(states[path].split()[0]) for path in changed})
    settled = {state: known[path] for path, state in states.items() if _settled(state, began) and known[path]}
    if settled != index:
        write_quietly(index_path, json.dumps(settled))
    return known


def _read(root: Path, sizes: Mapping[str, int]) -> dict[str, str]:
    """SHA-256 of files of known sizes; a line every ten seconds says how much of them is read."""
    read = dict.fromkeys(sizes, 0)
    with ThreadPoolExecutor(READERS) as pool:
        digests = {path: pool.submit(_content, root / path, path, read) for path in sizes}
        while wait(digests.values(), LINES_EVERY_SECONDS).not_done:
            done, total = sum(read.values()) >> 20, sum(sizes.values()) >> 20
            print(f"reading files to know whether they changed: {done} of {total} MB", file=sys.stderr, flush=True)
    return {path: digest.result() for path, digest in digests.items()}


def _state(path: Path) -> str:
    """Size, times in ns of the last change of content and of the entry, and inode; empty for a link to nothing."""
    try:
        stat = path.stat()
    except OSError:
        return ""
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"


def _settled(state: str, now_ns: int) -> bool:
    return int(state.split()[2]) < now_ns - SETTLED_NS


def _content(path: Path, name: str, read: dict[str, int]) -> str:
    """SHA-256 of a regular file; empty if it cannot be read, and then the step that reads it reports that.

    The number of bytes that are read so far goes to `read`, under the file's name there.
    """
    digest = hashlib.sha256()
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
                read[name] += len(piece)
    except OSError:
        return ""
    return digest.hexdigest()


def _read_index(path: Path) -> dict[str, str]:
    """SHA-256 by state; empty if the index is missing or damaged."""
    index = read_record(path)
    return index if isinstance(index, dict) and all(isinstance(sha256, str) for sha256 in index.values()) else {}
