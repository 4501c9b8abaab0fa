"""A folder of a user's own brain volumes: which files are FLAIR images that can be read, and how they are called.

A case keeps the name of its file, with the name of the folder before it if several files have the same name. If that
name may identify a person (see `anonymous_names`), the case is called by its number in the folder, such as case_001.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reprise.data.anonymous_names import safe_name, shown_path
from reprise.data.findings import MOST_LINES, Report
from reprise.data.folders import files_below, one_line
from reprise.data.nifti import ENDINGS, Volume, header_text, read_volume, volume_files
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import file_sha256

LARGEST = float(np.finfo(np.float32).max)
NOT_SQUARE = 1.5  # longer side of a pixel over its shorter one, from which on a scan was made in another plane
# What the name of a file says about its content. The first one that fits counts.
SAYS = {
    "mask": re.compile(r"mask(?!ed)|segment|(?<![a-z])(a?seg|gt|lesions?|labels?|roi|gold)(?![a-z])"),
    # An image that is registered to a FLAIR is no FLAIR: T1_regtoFLAIR, sub-01_space-FLAIR_T1w.
    "flair": re.compile(r"(?<!to)(?<!(?:to|in)[-_ ])(?<!space[-_ ])flair(?![-_ ]?space)"),
    "T1, T2 or PD": re.compile(r"(?<![a-z0-9])(t[12](?!\d)|pd(?![a-z0-9]))|mprage"),
}
HARMLESS = {"flair", "brain", "head", "none", "time", "nifti", "mni", "icbm", "fsl", "spm"}  # no names of persons


class OwnVolume(NamedTuple):
    """A volume that was read: its name, its file, the file's name in messages, and the file's SHA-256.

    A pair of files has the digest of both their digests.
    """

    case: str
    path: Path
    shown: str
    digest: str


def find_volumes(root: Path, report: Report) -> list[OwnVolume]:
    """All FLAIR volumes below a folder that can be read, at any depth. Hidden files are left out.

    Masks are left out too, and T1, T2 and PD images beside a FLAIR. The names of the files tell what they are.

    Args:
        root: the folder.
        report: gets a finding for each file that is left out, and for all that is odd about the others.

    Raises:
        InputError: no such folder, or no volume in it can be read. The message then names its files.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder of volumes")
    below = files_below(root, lambda folder, why: report.exclude(one_line(f"{folder.relative_to(root)}"), "", why))
    names = _Names(root, _identifying(below))
    found: list[OwnVolume] = []
    files = list(_candidates(below, names, report))
    stems = Counter(_stem(path).lower() for path in files)
    for number, path in enumerate(progress(files, "volumes read"), start=1):
        digest = _digest(path)
        shown = names.shown(path, digest)
        try:
            volume = read_volume(path)
        except InputError as error:
            report.exclude(shown, "", _reason(error, path))
            continue
        problem = _problem(volume, digest in {other.digest for other in found})
        if problem:
            report.exclude(shown, "", problem)
            continue
        folder = f"{path.parent.name}_" if stems[_stem(path).lower()] > 1 and path.parent != root else ""
        kept = safe_name(folder + _stem(path), names.identifying)
        case = _free_name(kept, number, {other.case.lower() for other in found})
        found.append(OwnVolume(case, path, shown, digest))
        for oddity in _oddities(path, volume):
            report.note(shown, case, oddity)
    if not found:
        lines = [f"{file} {finding}" for _, file, _, finding in report.findings[:MOST_LINES]]
        if len(report.findings) > MOST_LINES:
            lines.append(f"... and {len(report.findings) - MOST_LINES} more")
        raise InputError("\n  ".join([f"{root}: no FLAIR volume in it can be read:", *lines]))
    return found


def read_again(volume: OwnVolume) -> Volume:
    """Read a volume that was found.

    Raises:
        InputError: it has changed since then. The message does not name the file if its name may identify a person.
    """
    if _digest(volume.path) != volume.digest:
        raise InputError(f"{volume.shown}: changed while it was being segmented")
    return read_volume(volume.path)


class _Names(NamedTuple):
    """A folder, and the words that a shown name of a file must not have."""

    root: Path
    identifying: frozenset[str]

    def shown(self, path: Path, digest: str) -> str:
        """The name of a file in messages."""
        return shown_path(path, self.root, self.identifying, digest or "unreadable", "file")


def _identifying(files: list[Path]) -> frozenset[str]:
    """The words with three letters or more in the headers of all volumes of a folder, in lower case."""
    texts = [header_text(path).lower() for path in files if path.name.endswith(ENDINGS)]
    return frozenset(re.findall(r"[^\W\d_]{3,}", " ".join(texts))) - HARMLESS


def _candidates(below: list[Path], names: _Names, report: Report) -> Iterator[Path]:
    """The files that may be FLAIR volumes. A pair of files counts by its header. Other files become findings."""
    root = names.root
    files = {path for path in below if path.name.endswith(ENDINGS) or path.is_file()}
    nifti = [path for path in sorted(files) if path.name.endswith(ENDINGS)]
    volumes = [path for path in nifti if _header_of(path) == path or _header_of(path) not in files]
    if not volumes and not report.findings:
        raise InputError(f"{root}: no NIfTI volume in it; expected {', '.join(ENDINGS[:2])}, or .hdr with .img")
    if len(files) > len(nifti):
        report.note(".", "", f"not read, because they are no NIfTI volumes: {len(files) - len(nifti)} of the files")
    beside_flair = {path.parent for path in volumes if _says(path) == "flair"}
    for path in volumes:
        says = _says(path)
        if says == "mask":
            report.exclude(names.shown(path, _digest(path)), "", "by its name a mask, not an image")
        elif says == "T1, T2 or PD" and path.parent in beside_flair:
            report.exclude(names.shown(path, _digest(path)), "", f"by its name a {says} image, and there is a FLAIR")
        else:
            yield path


def _digest(path: Path) -> str:
    """SHA-256 of the file of a volume, or of the digests of its two files. It is empty if they cannot be read."""
    try:
        hashes = [file_sha256(file) for file in dict.fromkeys(volume_files(path))]
    except (InputError, OSError):
        return ""
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def _problem(volume: Volume, known: bool) -> str:
    """Why a volume that was read cannot be segmented, or nothing. `known`: another file is the same."""
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
    """What the name of a file says about its content, or nothing."""
    return next((kind for kind, words in SAYS.items() if words.search(_stem(path).lower())), "")


def _stem(path: Path) -> str:
    ending = next((ending for ending in sorted(ENDINGS, key=len, reverse=True) if path.name.endswith(ending)), "")
    return path.name.removesuffix(ending)


def _header_of(path: Path) -> Path:
    """The file with the header of the same volume: the other file of a pair, or the file itself."""
    ending = path.name.removeprefix(_stem(path))
    return path.with_name(_stem(path) + ending.replace(".img", ".hdr"))


def _free_name(name: str, number: int, taken: set[str]) -> str:
    """A name that no case has yet: this name, or one made of the number."""
    while not name or name.lower() in taken:
        name, number = f"case_{number:03}", number + 1
    return name
