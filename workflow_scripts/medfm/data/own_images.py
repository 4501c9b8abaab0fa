"""The images among a user's own files: PNG, JPEG, and X-rays in DICOM, by their content."""

from collections.abc import Sequence
from pathlib import Path

from medfm.data.pictures import Picture, read_picture
from medfm.data.xray_dicom import read_xray
from reprise.data.findings import Findings
from reprise.data.own_files import OwnFile
from reprise.data.png import PNG
from reprise.step.command import progress
from reprise.step.errors import InputError, printable
from reprise.step.files import file_sha256

JPEG = b"\xff\xd8\xff"
DICOM_AT, DICOM = 128, b"DICM"
ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".dcm", ".dicom")  # of files that ought to be images


def find_images(files: Sequence[OwnFile], findings: Findings) -> list[OwnFile]:
    """Every readable image among a user's files.

    Args:
        files: the user's files.
        findings: gets a finding for each image that cannot be read, and for what is odd about the others.
    """
    found: dict[str, OwnFile] = {}
    others = 0
    for file in progress(files, "images read"):
        if not file.problem and not _is_image(file.path):
            others += 1
        elif file.problem:
            findings.exclude(file.case, "", file.problem)
        elif file.digest in found:
            findings.exclude(file.case, "", "the same content as another image")
        else:
            try:
                oddity = _read(file.path).oddity
            except InputError as error:
                findings.exclude(file.case, "", _without_name(error, file.path))
                continue
            found[file.digest] = file
            if oddity:
                findings.note(file.case, "", oddity)
    if others:
        findings.note(f"{others} files", "", "not read: no PNG, JPEG or DICOM by their content and names")
    return list(found.values())


def read_again(file: OwnFile) -> Picture:
    """The pixels of an image that was found.

    Raises:
        InputError: it has changed since; the message does not name it, because its name may identify a person.
    """
    if not file.path.is_file() or file_sha256(file.path) != file.digest:
        raise InputError(f"{file.case}: changed while it was being scored")
    return _read(file.path)


def _is_image(path: Path) -> bool:
    """Whether a file is an image by its content, or ought to be one by its name."""
    with path.open("rb") as stream:
        start = stream.read(DICOM_AT + len(DICOM))
    return start.startswith((PNG, JPEG)) or start[DICOM_AT:] == DICOM or path.name.lower().endswith(ENDINGS)


def _read(path: Path) -> Picture:
    with path.open("rb") as stream:
        stream.seek(DICOM_AT)
        dicom = stream.read(len(DICOM)) == DICOM
    return read_xray(path) if dicom else read_picture(path)


def _without_name(error: InputError, path: Path) -> str:
    """What is wrong with an image, without the name of its file."""
    named = printable(f"{path}: ")
    text = str(error).removeprefix(named)
    return "cannot be read" if printable(path.name) in text else text
