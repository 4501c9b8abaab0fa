"""The brains among a user's own files: pairs of T1 and T2, without skull, on one grid.

Which image a file is, its name tells: it has T1 or T2 (also T1w, T2w) as a word. Both files of a pair lie in one
folder, and have the same name but for this word. T1w and T2w count before T1 and T2.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iseg.data.image_checks import brains_apart, grids_apart, image_problem, length_problem, other_origin
from reprise.data.findings import Findings
from reprise.data.nifti import Volume, ending_of, half_of, read_volume, volume_files
from reprise.data.own_files import OwnFile, joined, reason_without_name
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import file_sha256

WORD = re.compile(r"(?<![a-z0-9])t(?P<which>[12])(?=w?(?![a-z0-9]))")
WEIGHTED = re.compile(WORD.pattern.replace("w?", "w"))  # in ses-t1_T2w.nii, T1 is a point in time
FEW, SAMPLED = 20, 2**20  # a map of labels has fewer different values, an image more; voxels by which this is judged


class OwnBrain(NamedTuple):
    """A pair of images that was read: the names of both files, where they lie, and the SHA-256 of each content."""

    case: str  # the name of T1
    t2: str
    paths: tuple[Path, Path]
    digests: tuple[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 of both."""
        return joined(self.digests)


def find_brains(files: Sequence[OwnFile], findings: Findings) -> list[OwnBrain]:
    """Every readable pair of T1 and T2 among a user's files.

    Args:
        files: the user's files.
        findings: gets a finding for each file that is not taken, and for what is odd about the others.
    """
    found: dict[str, OwnBrain] = {}
    for brain in progress(list(_pairs(files, findings)), "brains read"):
        volumes = _readable(brain, findings)
        if not volumes:
            continue
        if problem := _copy(brain, found.values()) or _problem(*volumes):
            findings.exclude(brain.case, "", problem)
            continue
        found[brain.digest] = brain
        for oddity in _oddities(*volumes):
            findings.note(brain.case, "", oddity)
    return list(found.values())


def read_again(brain: OwnBrain) -> tuple[Volume, Volume]:
    """T1 and T2 of a brain that was found.

    Raises:
        InputError: a file has changed since; the message does not name it, because its name may identify a person.
    """
    for path, digest in zip(brain.paths, brain.digests, strict=True):
        if joined([file_sha256(file) for file in dict.fromkeys(volume_files(path))]) != digest:
            raise InputError(f"{brain.case}: changed while it was being segmented")
    return read_volume(brain.paths[0]), read_volume(brain.paths[1])


def _pairs(files: Sequence[OwnFile], findings: Findings) -> Iterator[OwnBrain]:
    """The pairs by their names; all other files become findings."""
    pairs: dict[tuple[Path, str], dict[str, OwnFile]] = {}
    for file, word in _images(files, findings):
        which, stem = f"T{word['which']}", word.string
        pair = pairs.setdefault((file.path.parent, f"{stem[: word.start()]}*{stem[word.end() :]}"), {})
        if pair.setdefault(which, file) is not file:
            findings.exclude(file.case, "", f"another {which} of the same name as {pair[which].case}")
    for pair in pairs.values():
        if len(pair) == 2:
            t1, t2 = pair["T1"], pair["T2"]
            yield OwnBrain(t1.case, t2.case, (t1.path, t2.path), (t1.digest, t2.digest))
            continue
        for which, alone in pair.items():
            other = {"T1": "T2", "T2": "T1"}[which]
            findings.exclude(alone.case, "", f"by its name a {which}; there is no {other} of the same name beside it")


def _images(files: Sequence[OwnFile], findings: Findings) -> Iterator[tuple[OwnFile, re.Match[str]]]:
    """The files that are T1 or T2 by their names, each with the word that says so; all others become findings."""
    paths, others = {file.path for file in files}, 0
    for file in files:
        ending = ending_of(file.path)
        header = half_of(file.path, "hdr") if ending else file.path
        name = file.path.name.lower().removesuffix(ending.lower())
        word = WEIGHTED.search(name) or WORD.search(name)
        if header != file.path and header in paths:
            continue  # the voxels of a pair of files
        if file.problem:
            findings.exclude(file.case, "", file.problem)
        elif ending and word:
            yield file, word
        else:
            others += 1
    if others:
        findings.note(f"{others} files", "", "not read: no NIfTI or Analyze files with T1 or T2 in their names")


def _readable(brain: OwnBrain, findings: Findings) -> tuple[Volume, Volume] | None:
    """T1 and T2; None, with findings, if one of them cannot be read or shows no brain without its skull."""
    volumes = []
    for case, path in zip((brain.case, brain.t2), brain.paths, strict=True):
        try:
            volume = read_volume(path)
            longer = length_problem(path, volume)
            other = image_problem(volume.voxels) or _label_problem(volume.voxels)
            problem = f"its .img file {longer}" if longer else other
        except InputError as error:
            problem = reason_without_name(error, path)
        if problem:
            findings.exclude(case, "", problem)
        else:
            volumes.append(volume)
    return (volumes[0], volumes[1]) if len(volumes) == 2 else None


def _label_problem(voxels: np.ndarray) -> str:
    different = len(np.unique(voxels.ravel()[:: 1 + voxels.size // SAMPLED]))
    return f"by its content a mask or a map of labels: {different} different values" if different < FEW else ""


def _copy(brain: OwnBrain, found: Collection[OwnBrain]) -> str:
    """Why a pair is no brain of its own, "" if it is; names without a person's come from the content of T1."""
    if any(brain.digest == other.digest for other in found):
        return "the same content as another pair"
    return "another pair has the same T1, with another T2" if any(brain.case == other.case for other in found) else ""


def _problem(t1: Volume, t2: Volume) -> str:
    """Why a pair that was read cannot be segmented, "" if it can."""
    if found := grids_apart(t1, t2):
        return f"T1 and T2 do not lie on one grid: T2 has {found}"
    if np.array_equal(t1.voxels, t2.voxels):
        return "T1 and T2 have the same voxels"
    found = brains_apart(t1.voxels, t2.voxels)[1]
    return f"T1 and T2 do not show one brain without its skull: {found}" if found else ""


def _oddities(t1: Volume, t2: Volume) -> Iterator[str]:
    for name, volume in (("T1", t1), ("T2", t2)):
        if volume.oddity:
            yield f"{name}: {volume.oddity}"
    if not t1.stated:
        yield f"states no orientation (qform and sform absent); taken as {t1.orientation}"
    if other_origin(t1, t2):
        yield "T2 has another origin than T1; voxels of the same index are taken as one place"
    if apart := brains_apart(t1.voxels, t2.voxels)[0]:
        yield f"{apart} voxels are 0 in one of T1 and T2 only"
