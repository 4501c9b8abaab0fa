"""Uploaded files: bounds before anything is read, names that say nothing, and no file that outlives its answer."""

import shutil
import tempfile
import zipfile
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.responses import PlainTextResponse

from reprise.data.archives import ZIP, unpack
from reprise.data.nifti import ending_of
from reprise.engine.folders import one_line
from reprise.step.command import say
from reprise.step.errors import InputError

LARGEST_BYTES = 2**29  # of all files that are uploaded at once
LARGEST_UNPACKED, MOST_FILES = 2**30, 5000
UPLOADS = "uploads"  # where the web server writes them
# No page may load from elsewhere, whatever a release of Gradio puts into it.
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'"
)
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def guarded(app: Callable[..., Awaitable[None]], largest: int = LARGEST_BYTES) -> Callable[..., Awaitable[None]]:
    """The same web application, which refuses uploads that are too large, and lets no page load from elsewhere.

    The body of what is refused is read and thrown away, because a browser shows no answer that comes before its end.
    """

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", POLICY.encode())]
            await send(message)

        if scope["type"] == "http" and (reason := _refused(scope, largest)):
            say(reason)
            while (await receive()).get("more_body"):
                pass
            await PlainTextResponse(reason, 413)(scope, receive, send)
        else:
            await app(scope, receive, send_with_policy)

    return answer


def _refused(scope: Message, largest: int) -> str:
    """Why a request is refused, "" if it is not."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return "an upload was refused: its size is not stated"
    if int(headers.get(b"content-length", b"0")) > largest:
        return f"an upload was refused: expected at most {largest >> 20} MB"
    return ""


def take(paths: Sequence[str], folder: Path) -> Path:
    """Move uploaded files from below `folder`/uploads to a new private folder beside it, and return that.

    The new names say nothing.

    Raises:
        InputError: a file is not there, because somebody else uploaded the same at the same time, or it is no upload.
    """
    private = Path(tempfile.mkdtemp(dir=folder))
    files = [Path(path) for path in paths]
    for path, neutral in zip(files, _neutral_names(file.name for file in files), strict=True):
        try:
            if not path.resolve().is_relative_to((folder / UPLOADS).resolve()):
                raise FileNotFoundError
            path.rename(private / neutral)
            path.parent.rmdir()
        except FileNotFoundError as error:
            forget(private)
            raise InputError("a file did not arrive; please upload it once more") from error
    return private


def forget(private: Path | None) -> None:
    """Delete the files that were taken."""
    if private is not None:
        shutil.rmtree(private, ignore_errors=True)


def files_of(private: Path) -> list[Path]:
    """The files that were taken; a single zip archive is unpacked first.

    Raises:
        InputError: an archive that is damaged, leads elsewhere, or is too large when unpacked.
    """
    files = sorted(private.iterdir())
    with files[0].open("rb") as stream:
        packed = len(files) == 1 and stream.read(len(ZIP)) == ZIP
    if not packed:
        return files
    names = _refuse_large_archive(files[0])
    unpacked = private / "unpacked"
    try:
        unpack(files[0], unpacked, "the archive")
    except InputError as error:
        raise InputError(_without(names, str(error))) from error
    found = sorted(path for path in unpacked.rglob("*") if path.is_file() and _counts(path.relative_to(unpacked)))
    if not found:
        raise InputError("the archive: there is no file in it")
    return [
        path.rename(private / neutral) for path, neutral in zip(found, _neutral_names(map(str, found)), strict=True)
    ]


def _refuse_large_archive(archive: Path) -> list[str]:
    """The names in an archive; none if it is damaged, which unpacking it will say.

    Raises:
        InputError: too many files, or too large when unpacked.
    """
    with suppress(zipfile.BadZipFile, ValueError, NotImplementedError), zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        if len(members) > MOST_FILES or sum(member.file_size for member in members) > LARGEST_UNPACKED:
            raise InputError(
                f"the archive: refused: expected at most {MOST_FILES} files and {LARGEST_UNPACKED >> 20} MB unpacked"
            )
        return [member.filename for member in members]
    return []


def _without(names: Sequence[str], message: str) -> str:
    """A message without the names of an archive's files, which may be those of persons."""
    for name in sorted(names, key=len, reverse=True):
        message = message.replace(one_line(name), "a file in it")
    return message


def _counts(path: Path) -> bool:
    """Whether a file in an archive is no by-product of a file manager or of a DICOM viewer."""
    return not any(part.startswith((".", "__MACOSX")) for part in path.parts) and path.name != "DICOMDIR"


def _neutral_names(names: Iterable[str]) -> Iterator[str]:
    """A number and the ending of NIfTI for each name of a file; both halves of a pair have the same number."""
    numbers: dict[str, int] = {}
    taken: set[str] = set()
    for name in names:
        ending = ending_of(Path(name))
        number = numbers.setdefault(name.removesuffix(ending), len(numbers) + 1)
        neutral = f"file-{number:04}{ending.lower()}"
        while neutral in taken:
            neutral = f"again-{neutral}"
        taken.add(neutral)
        yield neutral
