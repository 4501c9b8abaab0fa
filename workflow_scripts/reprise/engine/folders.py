"""The files below a user's folder, and how to show their names in one line of text."""

import os
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path

OWN_FOLDER = "REPRISE_INPUT"  # the variable of the environment by which jobs know the folder of a user's own files
# Control characters, line breaks, and the characters that stand for bytes that are not UTF-8.
UNPRINTABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def files_below(root: Path, unreadable: Callable[[Path, str], object] = lambda *_: None) -> list[Path]:
    """All files below a folder, at any depth, in order; hidden ones are ignored. For a file, the file itself.

    Links are followed, but no folder is listed twice: a folder below `root` is listed at its own place, not at that of
    a link to it. A link to nothing, or to itself, counts as a file, which then cannot be read.

    Args:
        root: the folder.
        unreadable: is called with each folder that cannot be listed, and the reason; by default it is skipped.
    """
    if root.is_file():
        return [root]
    files: list[Path] = []
    ahead, entered = deque([root]), set()
    while ahead:
        folder = ahead.popleft()
        try:
            kind = folder.stat()
            if (kind.st_dev, kind.st_ino) in entered:
                continue
            entered.add((kind.st_dev, kind.st_ino))
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    path = folder / entry.name
                    if not path.is_dir():
                        files.append(path)
                    elif entry.is_symlink():
                        ahead.append(path)
                    else:
                        ahead.appendleft(path)
        except OSError as error:
            unreadable(folder, str(error.strerror))
    return sorted(files)


def one_line(name: str) -> str:
    """A name in which characters that would break a line, or cannot be written, are spelt out, such as `\\n`."""
    return UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], name)
