"""Unpacks an archive of others: zip, or tar with or without gzip or zstandard. Nothing in it can reach elsewhere."""

import gzip
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import IO, Any, NamedTuple

from reprise.data.web_file import refuse_small_disk
from reprise.engine.folders import one_line
from reprise.step.command import progress, reading
from reprise.step.errors import InputError

MOST_FILES = 1_000_000
MOST_TIMES = 20  # unpacked, against the archive
ALWAYS_ALLOWED_BYTES = 1 << 28
PIECE_BYTES = 1 << 20
LARGEST_WINDOW = 1 << 27  # bytes, of zstandard's memory
GZIP, ZSTANDARD, ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK"


class Member(NamedTuple):
    """A file in an archive: its path, its size in bytes as the archive states it, and its content."""

    path: str
    size: int
    content: IO[bytes]


def unpack(archive: Path, folder: Path, name: str) -> None:
    """Unpack all files of an archive; empty folders are left out.

    Args:
        archive: its kind is told by its first bytes.
        folder: where its files go.
        name: of the archive, for messages.

    Raises:
        InputError: it is damaged, of no known kind, needs a password, is too large for the disk or much larger than
            the archive (a bomb), or holds a link, a device, a path that leads elsewhere, or one path twice.
    """
    most = max(ALWAYS_ALLOWED_BYTES, MOST_TIMES * archive.stat().st_size)
    taken = 0
    with reading(name, "not a readable archive (.zip, .tar.gz, .tar.zst)"), archive.open("rb") as stream:
        members = progress(_members(stream, name, most), f"unpacking {name}, files")
        for count, member in enumerate(members, start=1):
            taken += member.size
            if count > MOST_FILES or taken > most:
                raise _bomb(name, most)
            refuse_small_disk(folder.parent, member.size, name)
            _write(member, folder / safe_path(member.path, name), name)


def safe_path(path: str, name: str) -> PurePosixPath:
    """A path below any folder.

    Raises:
        InputError: the path leads elsewhere.
    """
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts or "\\" in path or "\0" in path:
        raise InputError(f"{name}: refused: {one_line(path)} leads out of the folder")
    return parts


def _bomb(name: str, most: int) -> InputError:
    return InputError(f"{name}: refused: unpacked it is more than {most >> 20} MB or {MOST_FILES} files")


def _write(member: Member, target: Path, name: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as stream:
            while piece := member.content.read(PIECE_BYTES):
                stream.write(piece)
    except FileExistsError as error:
        raise InputError(f"{name}: refused: {one_line(member.path)} is in it twice") from error
    except OSError as error:
        if not error.strerror:  # the archive is damaged
            raise
        raise InputError(f"{name}: {one_line(member.path)}: {error.strerror}") from error
    if target.stat().st_size != member.size:
        raise InputError(f"{name}: damaged: {one_line(member.path)} has not the size that the archive states")


def _members(stream: IO[bytes], name: str, most: int) -> Iterator[Member]:
    """The files in an archive, in its order."""
    start = stream.read(4)
    stream.seek(0)
    if start.startswith(ZIP):
        yield from _zipped(stream, name)
        return
    opened: Any = stream
    if start == ZSTANDARD:
        import zstandard

        opened = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).stream_reader(stream)
    elif start.startswith(GZIP):
        opened = gzip.GzipFile(fileobj=stream)
    yield from _tarred(_bounded(opened, name, most), name)


def _bounded(stream: IO[bytes] | Any, name: str, most: int) -> Any:
    """A stream to read from, which ends with an error after twice the allowed bytes, because headers can be bombs too.

    `end` is the end of what was read last.
    """
    taken = 0
    bounded = SimpleNamespace(end=b"")

    def read(size: int) -> bytes:
        nonlocal taken
        got: bytes = stream.read(size)
        taken += len(got)
        bounded.end = got[-tarfile.BLOCKSIZE :] or bounded.end
        if taken > 2 * most:
            raise _bomb(name, most)
        return got

    bounded.read = read
    return bounded


def _zipped(stream: IO[bytes], name: str) -> Iterator[Member]:
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.flag_bits & 1:
                raise InputError(f"{name}: needs a password; unpack it yourself and name its folder")
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise InputError(f"{name}: refused: {one_line(info.filename)} is a link or a device")
            if not info.is_dir():
                with archive.open(info) as content:
                    yield Member(info.filename, info.file_size, content)


def _tarred(stream: Any, name: str) -> Iterator[Member]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            content = archive.extractfile(info) if info.isreg() else None
            if content is not None:
                yield Member(info.name, info.size, content)
            elif not info.isdir():
                raise InputError(f"{name}: refused: {one_line(info.name)} is a link or a device")
    if stream.end.strip(b"\0"):
        raise InputError(f"{name}: damaged: it has no end, so a part of it may be missing")
