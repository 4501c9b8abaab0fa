"""Names for a user's own files that identify nobody.

A file keeps its name if nothing in it looks like a person, an examination or a date. Otherwise it is shown by the
first twelve digits of its SHA-256, by which `sha256sum` finds it again. Words that may name a person come from the
file's header; where a format has none, only numbers and dates are looked for.
"""

import re
from collections.abc import Collection
from pathlib import Path

from reprise.engine.folders import one_line

HASH_DIGITS = 12
LONGEST = 64
PLAIN = re.compile(r"[A-Za-z0-9._ ()+-]+")
MISSING = {"na", "nan", "null", "none"}  # readers of CSV tables take these for no name at all
HASH = re.compile(r"0X[0-9A-F]{10,}")  # names nobody, though it may have long runs of digits
REVEALING = (
    re.compile(r"[1-9]\d{5}"),  # a hospital's number, or a date without separators
    re.compile(r"\d+(\.\d+){3}"),  # a UID
    re.compile(r"(19|20)\d\d[-_. ]\d{1,2}[-_. ]\d{1,2}(?!\d)|(?<!\d)\d{1,2}[-_. ]\d{1,2}[-_. ](19|20)\d\d"),
)


def reveals_identity(text: str, identifying: Collection[str]) -> bool:
    """Whether a name holds one of the words (lower case), a UID, a date, or a number of six digits or more."""
    bare = HASH.sub("", text)
    return any(word in text.lower() for word in identifying) or any(pattern.search(bare) for pattern in REVEALING)


def safe_name(stem: str, identifying: Collection[str]) -> str:
    """A case's name from its file's, without suffix: letters, digits, `.`, `_` and `-`; "" if it cannot be kept."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._-")
    safe = PLAIN.fullmatch(stem) and 0 < len(name) <= LONGEST and not reveals_identity(stem, identifying)
    return name if safe and name.lower() not in MISSING else ""


def shown_path(path: Path, root: Path, identifying: Collection[str], digest: str, kind: str) -> str:
    """A file's path below `root`, for messages; its kind and hash if the path would reveal an identity."""
    relative = path.relative_to(root).as_posix()
    return f"{kind}-{digest[:HASH_DIGITS]}" if reveals_identity(relative, identifying) else one_line(relative)
