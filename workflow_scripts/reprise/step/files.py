"""Outputs that appear whole or not at all, and digests of files."""

import errno
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reprise.step.errors import InputError

PARTIAL = re.compile(r"\..+\.part")
# Files and folders that this process has written by `outputs`.
WRITTEN: list[Path] = []


@contextmanager
def outputs(*targets: str | Path) -> Iterator[list[Path]]:
    """Yield one temporary path for each target; rename all of them once the block ends well.

    A temporary path may become a file or a folder. After an error none of the targets has changed
    and no temporary file is left.

    Raises:
        InputError: the disk is full, or a target's folder is a file or cannot be written.
    """
    finals = [Path(target) for target in targets]
    partials = [final.with_name(f".{final.name}.{os.getpid()}.part") for final in finals]
    try:
        for final in finals:
            _make_folder(final.parent)
        yield partials
        for partial in partials:
            _flush(partial)
        for partial, final in zip(partials, finals, strict=True):
            if final.is_dir():
                shutil.rmtree(final)
            partial.replace(final)
        WRITTEN.extend(finals)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(f"{finals[0].parent}: the disk is full; nothing was written") from error
        if error.errno in (errno.EACCES, errno.EROFS):
            raise InputError(f"{finals[0].parent}: not writable; nothing was written") from error
        raise
    finally:
        for partial in partials:
            _remove(partial)


def remove_partials(root: Path) -> None:
    """Remove temporary files and folders of killed steps below `root`; only safe while no step runs there."""
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            if PARTIAL.fullmatch(name):
                _remove(Path(folder, name))


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def refuse_changed(path: Path, sha256: str) -> None:
    """Raise InputError unless the file still has this SHA-256, which the check of the data set has written down."""
    try:
        found = file_sha256(path)
    except OSError as error:
        found = str(error.strerror)
    if found != sha256:
        raise InputError(f"{path}: changed since the check (expected sha256 {sha256}, found {found})")


def regular_size(file: Path) -> int:
    """Bytes of a regular file.

    Raises:
        OSError: there is no such file, or it is a folder, a pipe, a device or a loop of links.
    """
    kind = file.stat()
    if not stat.S_ISREG(kind.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    return kind.st_size


def refuse_irregular(file: Path) -> None:
    """Raise InputError unless this is a regular file that is not empty."""
    try:
        size = regular_size(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: {getattr(error, 'strerror', None) or error}") from error
    if not size:
        raise InputError(f"{file}: empty")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"{folder}: expected a folder to write to, found a file; nothing was written") from error


def _flush(path: Path) -> None:
    """Force a file, or each file of a folder, to the disk, so that a rename never precedes its content."""
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
