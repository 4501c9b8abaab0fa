"""The FLAIR images in a user's own folder that can be read, and the names of their cases.

A case keeps its file's name, with its folder's before it if two files have the same name. If the name may identify a
person (see `anonymous_names`), the case gets a number instead, such as case_001.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reprise.data.anonymous_names import safe_name, shown_path
from reprise.data.findings import MOST_LINES, Findings, first_lines
from reprise.data.nifti import ENDINGS, Volume, ending_of, header_text, read_volume, volume_files
from reprise.engine.folders import files_below, one_line
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import file_sha256

LARGEST = float(np.finfo(np.float32).max)
NOT_SQUARE = 1.5  # longer side of a pixel divided by its shorter one: above this, the scan was made in another plane
# What a file's name says about its content; the first that matches counts.
SAYS = {
    "mask": re.compile(r"mask(?!ed)|segment|(?<![a-z])(a?seg|gt|lesions?|labels?|roi|gold)(?![a-z])"),
    # Images registered to a FLAIR are not FLAIR images: T1_regtoFLAIR, sub-01_space-FLAIR_T1w.
    "flair": re.compile(r"(?<!to)(?<!(?:to|in)[-_ ])(?<!space[-_ ])flair(?![-_ ]?space)"),
    "T1, T2 or PD": re.compile(r"(?<![a-z0-9])(t[12](?!\d)|pd(?![a-z0-9]))|mprage"),
}
# Words of headers that are no names of persons.
HARMLESS = {"flair", "brain", "head", "none", "time", "nifti", "mni", "icbm", "fsl", "spm"}


class OwnVolume(NamedTuple):
    """A volume that was read: its name, its file, its name in messages, and the SHA-256 of the file.

    For a pair of files, the digest is made from the digests of both.
    """

    case: str
    path: Path
    shown: str
    digest: str


def find_volumes(root: Path, findings: Findings) -> list[OwnVolume]:
    """Every readable FLAIR volume below a folder, at any depth; hidden files are ignored.

    Masks are not taken, and no T1, T2 or PD image beside a FLAIR: their names tell what they are.

    Args:
        root: the folder.
        findings: gets a finding for each file that is not taken, and for what is odd about the others.

    Raises:
        InputError: there is no such folder, or no volume in it can be read; the message then lists its files.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder of volumes")
    below = files_below(root, lambda folder, why: findings.exclude(one_line(f"{folder.relative_to(root)}"), "", why))
    names = _Names(root, _identifying(below))
    found: list[OwnVolume] = []
    files = list(_candidates(below, names, findings))
    stems = Counter(_stem(path).lower() for path in files)
    for number, path in enumerate(progress(files, "volumes read"), start=1):
        digest = _digest(path)
        shown = names.shown(path, digest)
        try:
            volume = read_volume(path)
        except InputError as error:
            findings.exclude(shown, "", _reason(error, path))
            continue
        problem = _problem(volume, digest in {other.digest for other in found})
        if problem:
            findings.exclude(shown, "", problem)
            continue
        folder = f"{path.parent.name}_" if stems[_stem(path).lower()] > 1 and path.parent != root else ""
        kept = safe_name(folder + _stem(path), names.identifying)
        case = _free(kept, number, {other.case.lower() for other in found})
        found.append(OwnVolume(case, path, shown, digest))
        for oddity in _oddities(path, volume):
            findings.note(shown, case, oddity)
    if not found:
        lines = [f"{file} {finding}" for _, file, _, finding in findings.rows]
        head = f"{root}: no FLAIR volume in it can be read:"
        raise InputError("\n  ".join([head, *first_lines(lines, MOST_LINES)]))
    return found


def read_again(volume: OwnVolume) -> Volume:
    """Read a volume that was found.

    Raises:
        InputError: it has changed since; the message does not name the file if its name may identify a person.
    """
    if _digest(volume.path) != volume.digest:
        raise InputError(f"{volume.shown}: changed while it was being segmented")
    return read_volume(volume.path)


class _Names(NamedTuple):
    """A folder, and the words that may identify a person, so that no message may contain them."""

    root: Path
    identifying: frozenset[str]

    def shown(self, path: Path, digest: str) -> str:
        """The name of a file in messages."""
        return shown_path(path, self.root, self.identifying, digest or "unreadable", "file")


def _identifying(files: list[Path]) -> frozenset[str]:
    """Words of the headers of all volumes of a folder, lower case, three letters or more."""
    texts = [header_text(path).lower() for path in files if path.name.endswith(ENDINGS)]
    return frozenset(re.findall(r"[^\W\d_]{3,}", " ".join(texts))) - HARMLESS


def _candidates(below: list[Path], names: _Names, findings: Findings) -> Iterator[Path]:
    """Files that may be FLAIR volumes (the header of each pair); all others become findings."""
    root = names.root
    files = {path for path in below if path.name.endswith(ENDINGS) or path.is_file()}
    nifti = [path for path in sorted(files) if path.name.endswith(ENDINGS)]
    volumes = [path for path in nifti if _header_of(path) == path or _header_of(path) not in files]
    if not volumes and not findings.rows:
        raise InputError(f"{root}: no NIfTI volume in it; expected {', '.join(ENDINGS[:2])}, or .hdr with .img")
    if len(files) > len(nifti):
        findings.note(".", "", f"not read, because they are no NIfTI volumes: {len(files) - len(nifti)} of the files")
    beside_flair = {path.parent for path in volumes if _says(path) == "flair"}
    for path in volumes:
        says = _says(path)
        if says == "mask":
            findings.exclude(names.shown(path, _digest(path)), "", "by its name a mask, not an image")
        elif says == "T1, T2 or PD" and path.parent in beside_flair:
            findings.exclude(names.shown(path, _digest(path)), "", f"by its name a {says} image, and there is a FLAIR")
        else:
            yield path


def _digest(path: Path) -> str:
    """SHA-256 of a volume's file, or of the hashes of its two files; "" if they cannot be read."""
    try:
        hashes = [file_sha256(file) for file in dict.fromkeys(volume_files(path))]
    except (InputError, OSError):
        return ""
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def _problem(volume: Volume, known: bool) -> str:
    """Why a volume that was read cannot be segmented, "" if it can; `known`: another file has the same content."""
    low, high = float(volume.voxels.min()), float(volume.voxels.max())
    if known:
        return "is the same file as another one in the folder"
    if low == high:
        return "every voxel has the same value"
    return f"values up to {max(-low, high):.3g}, which no 32-bit number holds" if max(-low, high) > LARGEST else ""


def _oddities(path: Path, volume: Volume) -> Iterator[str]:
    if _says(path) not in ("flair", ""):
        yield f"by its name a {_says(path)} image; the network learnt from FLAIR images only"
    if not volume.stated:
        yield f"states no orientation (qform and sform absent); taken as {volume.orientation}"
    width, height = volume.spacing_mm[:2]
    if max(width, height) > NOT_SQUARE * min(width, height):
        yield f"its axial slices have pixels of {height:.3g} x {width:.3g} mm: it was scanned in another plane"


def _reason(error: InputError, path: Path) -> str:
    """What is wrong with a file, without its name, which may identify a person."""
    text = str(error)
    for ending in ENDINGS:
        file = path.with_name(_stem(path) + ending)
        if text.startswith(f"{file}: "):
            half = "" if file == path else f"its {ending} file: "
            return half + text.removeprefix(f"{file}: ")
    return text


def _says(path: Path) -> str:
    """The content of a file by its name, "" if the name does not say."""
    return next((kind for kind, words in SAYS.items() if words.search(_stem(path).lower())), "")


def _stem(path: Path) -> str:
    return path.name.removesuffix(ending_of(path))


def _header_of(path: Path) -> Path:
    """The file with the header of the same volume: the `.hdr` of a pair, otherwise the file itself."""
    return path.with_name(_stem(path) + ending_of(path).replace(".img", ".hdr"))


def _free(name: str, number: int, taken: set[str]) -> str:
    """A name that no case has yet."""
    while not name or name.lower() in taken:
        name, number = f"case_{number:03}", number + 1
    return name
