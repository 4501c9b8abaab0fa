"""The files below a user's folder, and their names where a line of text has to hold them."""

import re
from collections import deque
from collections.abc import Callable
from pathlib import Path

# Control characters, line breaks, and what stands for bytes of a name that are no UTF-8.
UNPRINTABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def files_below(root: Path, unreadable: Callable[[Path, str], object] = lambda *_: None) -> list[Path]:
    """All files below a folder, at any depth, in order; what is hidden is left out.

    Links are followed, but no folder is entered twice: what lies below `root` itself is listed where it lies, not
    where a link leads to it.

    Args:
        root: the folder.
        unreadable: is called with each folder that cannot be listed, and why; by default it is passed over.
    """
    files: list[Path] = []
    ahead, entered = deque([root]), set()
    while ahead:
        folder = ahead.popleft()
        try:
            kind = folder.stat()
            if (kind.st_dev, kind.st_ino) in entered:
                continue
            entered.add((kind.st_dev, kind.st_ino))
            for path in folder.iterdir():
                if path.name.startswith("."):
                    continue
                if not path.is_dir():
                    files.append(path)
                elif path.is_symlink():
                    ahead.append(path)
                else:
                    ahead.appendleft(path)
        except OSError as error:
            unreadable(folder, str(error.strerror))
    return sorted(files)


def one_line(name: str) -> str:
    """A name with everything spelt out, such as `\\n`, that would break a line or cannot be written."""
    return UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], name)
