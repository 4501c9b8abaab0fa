"""Names for converted clips that identify nobody.

A clip keeps its file's own name if nothing in that name looks like a person, an examination or a date; or else it
is called `clip-` and the first twelve digits of the SHA-256 of its file, which `sha256sum` finds again.
A video has no header to hold its name against, so only numbers and dates are looked for in it.
"""

import re
from collections.abc import Collection
from pathlib import Path

from reprise.data.folders import one_line

HASH_DIGITS = 12
LONGEST = 64
PLAIN = re.compile(r"[A-Za-z0-9._ ()+-]+")
MISSING = {"na", "nan", "null", "none"}  # which readers of CSV tables take for no name at all
PUBLISHED_NAME = re.compile(r"0X[0-9A-F]{10,}")  # hashes already, with long runs of digits
REVEALING = (
    re.compile(r"[1-9]\d{5}"),  # a hospital's number, or a date without separators
    re.compile(r"\d+(\.\d+){3}"),  # a UID
    re.compile(r"(19|20)\d\d[-_. ]\d{1,2}[-_. ]\d{1,2}(?!\d)|(?<!\d)\d{1,2}[-_. ]\d{1,2}[-_. ](19|20)\d\d"),
)


def reveals_identity(text: str, identifying: Collection[str]) -> bool:
    """Whether a name holds one of the words (lower case), a UID, a date, or a number of six digits or more."""
    bare = PUBLISHED_NAME.sub("", text)
    return any(word in text.lower() for word in identifying) or any(pattern.search(bare) for pattern in REVEALING)


def clip_name(path: Path, identifying: Collection[str], taken: Collection[str], digest: str) -> str:
    """The name of a converted clip, without suffix: letters, digits, `.`, `_` and `-` only, none of `taken`.

    Args:
        path: the clip's file.
        identifying: lower-case words that must not occur in the name.
        taken: names of other clips, lower case.
        digest: SHA-256 of the file.
    """
    stem = safe_name(path.stem, identifying)
    if not stem:
        return f"clip-{digest[:HASH_DIGITS]}"
    return stem if stem.lower() not in taken else f"{stem}-{digest[:HASH_DIGITS]}"


def safe_name(stem: str, identifying: Collection[str]) -> str:
    """A file's name without suffix as a case's: letters, digits, `.`, `_` and `-`; nothing if it cannot be kept."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._-")
    safe = PLAIN.fullmatch(stem) and 0 < len(name) <= LONGEST and not reveals_identity(stem, identifying)
    return name if safe and name.lower() not in MISSING else ""


def shown_path(path: Path, root: Path, identifying: Collection[str], digest: str, kind: str = "clip") -> str:
    """A file's path below `root`, for messages; or its kind and hash, if the path would reveal an identity."""
    relative = path.relative_to(root).as_posix()
    return f"{kind}-{digest[:HASH_DIGITS]}" if reveals_identity(relative, identifying) else one_line(relative)
