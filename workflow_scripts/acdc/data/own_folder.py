"""The stacks of the heart in a folder of a user's own files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from acdc.data.own_stacks import Stack, is_label_map, read_stack
from reprise.data.findings import Findings
from reprise.data.nifti import ending_of, half_of
from reprise.data.own_files import OwnFile, joined, reason_without_name
from reprise.data.png import PNG
from reprise.engine.raw_files import case_name
from reprise.step.command import progress
from reprise.step.errors import InputError, printable
from reprise.step.files import file_sha256

DICOM_ENDINGS = (".dcm", ".ima")
MAGIC_AT, MAGIC = 128, b"DICM"  # of a DICOM file, whose name may have no ending


class OwnStack(NamedTuple):
    """A stack that was read: its name, its files, and the SHA-256 of their content."""

    case: str
    paths: tuple[Path, ...]
    digest: str


def find_stacks(files: Sequence[OwnFile], findings: Findings) -> list[OwnStack]:
    """Every readable stack: a NIfTI file each, a PNG file each, and the DICOM files of one folder together.

    Args:
        files: the user's files.
        findings: gets a finding for each file that is not taken.
    """
    found: dict[str, OwnStack] = {}
    for own in progress(list(_candidates(files, findings)), "stacks read"):
        try:
            stack = read_stack(own.paths)
        except InputError as error:
            findings.exclude(own.case, "", _reason(error, own.paths))
            continue
        if own.digest in found:
            findings.exclude(own.case, "", "has the same content as another file in the folder")
        elif stack.measured and is_label_map(stack.frames):
            findings.exclude(own.case, "", "by its content a mask or a map of labels")
        else:
            found[own.digest] = own
    return list(found.values())


def read_again(own: OwnStack) -> Stack:
    """Read a stack that was found.

    Raises:
        InputError: it has changed since; the message does not name the file, because the name may identify a person.
    """
    if joined([file_sha256(path) for path in own.paths]) != own.digest:
        raise InputError(f"{own.case}: changed while it was being segmented")
    return read_stack(own.paths)


def _candidates(files: Sequence[OwnFile], findings: Findings) -> Iterator[OwnStack]:
    series: dict[Path, list[OwnFile]] = {}
    others = 0
    for file in files:
        if file.problem:
            findings.exclude(file.case, "", file.problem)
        elif ending_of(file.path):
            header, body = (half_of(file.path, half) for half in ("hdr", "img"))
            if file.path in (header, *([body] if not header.is_file() else [])):
                yield OwnStack(file.case, tuple(dict.fromkeys([header, body])), file.digest)
        elif _begins(file.path, 0, PNG):
            yield OwnStack(file.case, (file.path,), file.digest)
        elif file.path.name.lower().endswith(DICOM_ENDINGS) or _begins(file.path, MAGIC_AT, MAGIC):
            series.setdefault(file.path.parent, []).append(file)
        else:
            others += 1
    if others:
        findings.note(f"{others} files", "", "not read: neither NIfTI, DICOM nor PNG")
    for parts in series.values():
        digest = joined([part.digest for part in parts])
        own = OwnStack(case_name(digest), tuple(part.path for part in parts), digest)
        if len(parts) > 1:
            findings.note(own.case, "", f"a DICOM series of {len(parts)} files, one of them {parts[0].case}")
        yield own


def _reason(error: InputError, paths: Sequence[Path]) -> str:
    """What is wrong with the files of a stack, without a name, which may identify a person."""
    text = str(error)
    return reason_without_name(error, paths[0]) if any(printable(path.name) in text for path in paths) else text


def _begins(path: Path, at: int, start: bytes) -> bool:
    with path.open("rb") as stream:
        stream.seek(at)
        return stream.read(len(start)) == start
