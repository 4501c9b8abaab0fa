"""The FLAIR images among a user's own files.

What a volume is, is told by the name of its file and by its content. The network learnt from FLAIR images only, so all
that is something else is left out, with a finding.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reprise.data.exact_types import LARGEST
from reprise.data.findings import Findings
from reprise.data.nifti import Volume, ending_of, half_of, read_volume, volume_files
from reprise.data.own_files import OwnFile, joined, reason_without_name
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import file_sha256

NOT_SQUARE = 1.5  # longer side of a pixel divided by its shorter one: above this, the scan was made in another plane
# What a file's name says about its content; the first that matches counts.
SAYS = {
    "a mask": re.compile(
        r"mask(?!ed)|segment|consensus|gold.?standard|(?<![a-z])(a?seg|gt|lesions?|labels?|roi|gold|wmh)(?![a-z])"
    ),
    "a map that a tool computed": re.compile(
        r"(?<![a-z])(bianca|mixeltype|pve|prob\w*|ples|lst|lpa|lga|adc|swi)(?![a-z])"
    ),
    "an echo film": re.compile(r"(?<![a-z0-9])([2-5]ch|a[2-5]ch?|echo(cardio\w*|film)?)(?![a-z0-9])"),
    # P1_T1_FLAIR is the FLAIR of a first time point.
    "a T1 image": re.compile(r"(?<![a-z0-9])(?<!p\d[-_])(?<!p\d\d[-_])t1w?[-_ ]?flair"),
    # Images registered to a FLAIR are not FLAIR images: T1_regtoFLAIR, sub-01_space-FLAIR_T1w.
    "": re.compile(r"(?<!to)(?<!(?:to|in)[-_ ])(?<!space[-_ ])flair(?![-_ ]?space)|dark.?fluid|tirm"),
    "an image with gadolinium": re.compile(r"gado|(?<![a-z])gd(?![a-z])|t1(w?[-_ ]?)(ks|c|ce|gd|post)(?![a-z])"),
    "a T1, T2 or PD image": re.compile(r"(?<![a-z0-9])((3d)?t[12](?!\d)|(pd|dp)w?(?![a-z0-9]))|mprage"),
}
OTHER_FORMATS = {
    (".mgz", ".mgh"): "in FreeSurfer's format; mri_convert makes NIfTI of it",
    (".nrrd", ".nhdr", ".mha", ".mhd"): "NRRD or MetaImage; 3D Slicer makes NIfTI of it",
    (".mnc",): "MINC; mnc2nii makes NIfTI of it",
    (".dcm", ".ima"): "DICOM; dcm2niix makes NIfTI of scans",
}
FEW = 20  # a mask or a map of parts has fewer different values, an image more
SAMPLED = 2**20  # voxels by which the content is judged
FEWEST_FRAMES, SAME_PICTURE = 8, 0.75  # of a film; correlation of two of its frames
SLAB_MM = 30  # of a head, along the slices; in a thinner part of it all slices look alike
PLATEAUS = 0.5  # of the neighbours in a map of labels, more than this fraction are equal


class OwnVolume(NamedTuple):
    """A volume that was read: its name, its file, and the SHA-256 of its content."""

    case: str
    path: Path
    digest: str


def find_volumes(files: Sequence[OwnFile], findings: Findings) -> list[OwnVolume]:
    """Every readable FLAIR volume among a user's files.

    Args:
        files: the user's files.
        findings: gets a finding for each file that is not taken, and for what is odd about the others.
    """
    found: dict[str, OwnVolume] = {}
    for file in progress(list(_candidates(files, findings)), "volumes read"):
        try:
            volume = read_volume(file.path)
        except InputError as error:
            findings.exclude(file.case, "", reason_without_name(error, file.path))
            continue
        problem = "has the same content as another file in the folder" if file.digest in found else problem_of(volume)
        if problem:
            findings.exclude(file.case, "", problem)
            continue
        found[file.digest] = OwnVolume(file.case, file.path, file.digest)
        for oddity in _oddities(volume):
            findings.note(file.case, "", oddity)
    return list(found.values())


def read_again(volume: OwnVolume) -> Volume:
    """Read a volume that was found.

    Raises:
        InputError: it has changed since; the message does not name the file, because the name may identify a person.
    """
    if joined([file_sha256(file) for file in dict.fromkeys(volume_files(volume.path))]) != volume.digest:
        raise InputError(f"{volume.case}: changed while it was being segmented")
    return read_volume(volume.path)


def _candidates(files: Sequence[OwnFile], findings: Findings) -> Iterator[OwnFile]:
    """Files that may be FLAIR volumes (the header of each pair); all others become findings."""
    others: Counter[str] = Counter()
    paths = {file.path for file in files}
    for file in files:
        header = half_of(file.path, "hdr") if ending_of(file.path) else file.path
        says = _says(file.path)
        if file.problem:
            findings.exclude(file.case, "", file.problem)
        elif not ending_of(file.path):
            others[_other_format(file.path)] += 1
        elif header != file.path and header in paths:
            continue
        elif says:
            findings.exclude(file.case, "", f"by its name {says}")
        else:
            yield file
    for what, count in others.items():
        findings.note(f"{count} files", "", f"not read: {what}")


def _other_format(path: Path) -> str:
    """What a file without one of NIfTI's endings is, by its own ending."""
    name = path.name.lower()
    return next((what for endings, what in OTHER_FORMATS.items() if name.endswith(endings)), "no NIfTI volumes")


def problem_of(volume: Volume) -> str:
    """Why a volume that was read cannot be segmented, "" if it can."""
    voxels = volume.voxels
    low, high = float(voxels.min()), float(voxels.max())
    if low == high:
        return "every voxel has the same value"
    if max(-low, high) > LARGEST:
        return f"values up to {max(-low, high):.3g}, which no 32-bit number holds"
    different = len(np.unique(voxels.ravel()[:: 1 + voxels.size // SAMPLED]))
    if different < FEW:
        return f"by its content a mask or a map of labels: {different} different values"
    if low >= 0 and high <= 1:
        return "by its content a map of probabilities: all values are from 0 to 1"
    if _slices_look_alike(volume) and not _is_slab(volume):
        return "by its content a film: its last slice looks like its first and its middle one"
    return "by its content a map of labels: whole numbers in areas of one value" if _has_plateaus(voxels) else ""


def _has_plateaus(voxels: np.ndarray) -> bool:
    """Whether the values are whole numbers, most of them equal to their neighbour's, beside the background."""
    if voxels.dtype.kind == "f" and (voxels != np.rint(voxels)).any():
        return False
    both = (voxels[1:] != 0) & (voxels[:-1] != 0)
    return bool(((voxels[1:] == voxels[:-1]) & both).sum() > PLATEAUS * max(1, both.sum()))


def _slices_look_alike(volume: Volume) -> bool:
    """Whether slices that are far apart along the last axis of the file show the same, as the frames of a film do.

    A head is another in each slice: the correlation is below 0.6 in real volumes, and above 0.78 in real echo clips.
    """
    slices = np.moveaxis(volume.voxels, _last_axis(volume), 0)
    if len(slices) < FEWEST_FRAMES:
        return False
    first, middle, last = (slices[place].ravel().astype(np.float32) for place in (0, len(slices) // 2, -1))
    if min(first.std(), middle.std(), last.std()) == 0:
        return False
    return bool(min(np.corrcoef(first, middle)[0, 1], np.corrcoef(first, last)[0, 1]) > SAME_PICTURE)


def _is_slab(volume: Volume) -> bool:
    """Whether a volume is thin along the last axis of the file."""
    axis = _last_axis(volume)
    return volume.voxels.shape[axis] * volume.spacing_mm[axis] < SLAB_MM


def _last_axis(volume: Volume) -> int:
    """The canonical axis that is the last one of the file."""
    return next(axis for axis, ends in enumerate(("LR", "PA", "IS")) if volume.orientation[2] in ends)


def _oddities(volume: Volume) -> Iterator[str]:
    if volume.oddity:
        yield volume.oddity
    if not volume.stated:
        yield f"states no orientation (qform and sform absent); taken as {volume.orientation}"
    if _is_slab(volume) and _slices_look_alike(volume):
        yield f"it covers less than {SLAB_MM} mm, and all its slices look alike: it may be a film"
    width, height = volume.spacing_mm[:2]
    if max(width, height) > NOT_SQUARE * min(width, height):
        yield f"its axial slices have pixels of {height:.3g} x {width:.3g} mm: it was scanned in another plane"


def _says(path: Path) -> str:
    """What a file is by its name, "" if it may be a FLAIR."""
    stem = path.name.lower().removesuffix(ending_of(path).lower())
    return next((kind for kind, words in SAYS.items() if words.search(stem)), "")
