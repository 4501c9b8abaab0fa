"""A user's own files, and the names under which all that is written speaks of them.

A name comes from the content of its file, so it identifies nobody: `case-` and the first digits of the SHA-256. The key
is a table that only its owner can read. It leads from each name to its file, also for files that cannot be read.
"""

import csv
import hashlib
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from reprise.data.nifti import ending_of, half_of
from reprise.engine.folders import files_below
from reprise.engine.raw_files import case_name
from reprise.step.command import progress
from reprise.step.errors import InputError, printable
from reprise.step.files import file_sha256

ENDING = re.compile(r"((\.(nii|hdr|img))?\.gz|\.[a-z]\w{0,4})$", re.IGNORECASE)
LONGEST = 64
LARGE, PIECE = 2**30, 2**20  # bytes of a file whose reading is shown, and of a piece of it
MISSING = {"na", "nan", "null", "none", "n_a"}  # readers of CSV tables take these for no name at all


class OwnFile(NamedTuple):
    """A file, or half of a pair of files.

    case: its name in all that is written; both halves of a pair have the same.
    path: where it lies.
    digest: SHA-256 of its content; for a pair, of both digests together; empty if it cannot be read.
    problem: why it cannot be read, or empty.
    """

    case: str
    path: Path
    digest: str
    problem: str = ""


def name_own_files(root: Path, keep_names: bool) -> list[OwnFile]:
    """All files below a folder, each with its name, in the order of the names.

    Args:
        root: the folder.
        keep_names: name cases after their files: letters, digits, `.`, `_` and `-`, with the name of the folder before
            them if several files have the same name.
    """
    problems: dict[Path, str] = {}
    files = files_below(root, lambda folder, reason: problems.update({folder: reason}))
    digests: dict[Path, list[str]] = {_whole(folder): [] for folder in problems}
    for path in progress(files, "files read"):
        digest = _digest(path, problems)
        digests.setdefault(_whole(path), []).extend([digest] if digest else [])
    contents = {whole: joined(found) for whole, found in digests.items()}
    names = _kept_names(root, contents) if keep_names else _neutral_names(contents)
    own = [
        OwnFile(names[_whole(path)], path, contents[_whole(path)], problems.get(path, ""))
        for path in dict.fromkeys([*files, *problems])
    ]
    return sorted(own)


def joined(digests: Sequence[str]) -> str:
    """One digest for the files of a case: that of a single file, or one made from those of several."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest() * bool(digests)


def write_key(path: Path, files: Sequence[OwnFile]) -> None:
    """Write the key to a new file that only its owner can read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", newline="", encoding="utf-8", errors="surrogateescape") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(["case", "file", "sha256", "problem"])
        rows.writerows(files)


def read_key(path: Path) -> list[OwnFile]:
    """The files of a key.

    Raises:
        InputError: there is no key, or it is damaged.
    """
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as stream:
            rows = csv.DictReader(stream)
            return [OwnFile(row["case"], Path(row["file"]), row["sha256"], row["problem"]) for row in rows]
    except (OSError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{path}: no key of name_files.py that can be read") from error


def reason_without_name(error: InputError, path: Path) -> str:
    """What is wrong with a file, without its name, which may identify a person."""
    text = str(error)
    for half in ("hdr", "img"):
        file = half_of(path, half)
        named = printable(f"{file}: ")
        if text.startswith(named):
            return ("" if file == path else f"its .{half} file: ") + text.removeprefix(named)
    return "cannot be read"


def _whole(path: Path) -> Path:
    """The header for both halves of a pair, and any other file itself."""
    return half_of(path, "hdr") if ending_of(path) else path


def _digest(path: Path, problems: dict[Path, str]) -> str:
    """SHA-256 of a regular file, or empty; the reason then goes to the problems."""
    try:
        size = path.stat().st_size
        if path.is_file():
            return file_sha256(path) if size < LARGE else _large_sha256(path, size)
        problems[path] = "no regular file"
    except OSError as error:
        problems[path] = f"cannot be opened ({error.strerror})"
    return ""


def _large_sha256(path: Path, size: int) -> str:
    """SHA-256 of a file that takes long to read, with progress."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for piece in progress(iter(lambda: stream.read(PIECE), b""), "MB of a large file read", -(-size // PIECE)):
            digest.update(piece)
    return digest.hexdigest()


def _neutral_names(contents: Mapping[Path, str]) -> dict[Path, str]:
    return {
        path: case_name(digest) if digest else f"unreadable-{number}"
        for number, (path, digest) in enumerate(contents.items(), start=1)
    }


def _kept_names(root: Path, contents: Mapping[Path, str]) -> dict[Path, str]:
    """Names from those of the files; what would be no name, or is taken, gets the neutral name behind it."""
    neutral = _neutral_names(contents)
    stems = {path: _plain(ENDING.sub("", path.name)) for path in contents}
    counts = Counter(stem.lower() for stem in stems.values())
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path, stem in stems.items():
        several = counts[stem.lower()] > 1 and path.parent != root
        name = _plain(f"{path.parent.name}_{stem}") if several else stem
        if not name or name.lower() in MISSING | taken:
            name = f"{name}-{neutral[path]}".strip("-")
        taken.add(name.lower())
        names[path] = name
    return names


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._-")[:LONGEST]
