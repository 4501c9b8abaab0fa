"""Where the published code cuts its crops: the same places for the same seed, without loading a volume twice.

The published generator picks a subject for each crop, and then draws corners until the crop holds enough of the
subject's brain. It reads the subject's labels anew for each corner. Here the labelled voxels of the crops at all
corners are counted once, by sums along each axis.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from reprise.step.errors import InputError


class Places(NamedTuple):
    """Where crops are cut."""

    subjects: np.ndarray  # (N,) which of the subjects
    corners: np.ndarray  # (N, 3) the first voxel


def published_places(
    parts: Sequence[Mapping[str, np.ndarray]], crop: Sequence[int], counts: Sequence[int], least: float, seed: int
) -> list[Places]:
    """The places of crops of each part of the subjects, in the published generator's order of random numbers.

    For each crop, one number picks the subject, and one for each axis picks a corner, until a corner is accepted. The
    last corner of an axis is never drawn. An axis as long as the crop draws nothing.

    Args:
        parts: labels (X, Y, Z) of subjects by name; the subjects that train come first, then those that validate.
        crop: sides of a crop in voxels.
        counts: how many crops of each part.
        least: the share of the labelled voxels of the whole volume that a crop must hold; 0: any labelled voxel.
        seed: of NumPy's generator.

    Raises:
        InputError: before the first draw: a crop is larger than a volume, or no corner of it is ever accepted.
    """
    accepted = [[accepted_corners(name, labels, crop, least) for name, labels in part.items()] for part in parts]
    random = np.random.RandomState(seed)
    return [_drawn(maps, count, random) for maps, count in zip(accepted, counts, strict=True)]


def accepted_corners(name: str, labels: np.ndarray, crop: Sequence[int], least: float) -> np.ndarray:
    """Whether the crop at each corner that may be drawn is accepted: (x, y, z) bool.

    Raises:
        InputError: the crop is larger than the volume, or no corner is accepted.
    """
    shape = labels.shape
    if any(side > length for side, length in zip(crop, shape, strict=True)):
        raise InputError(f"{name}: expected a crop that fits into the volume {_sides(shape)}, found {_sides(crop)}")
    inside = _box_sums(labels > 0, crop)
    drawn = inside[tuple(slice(max(1, count - 1)) for count in inside.shape)]
    # In 32 bits, as the published code divides and compares.
    share = drawn.astype(np.float32) / np.float32(max(1, int((labels > 0).sum())))
    accepted = (share >= np.float32(least)) & (drawn > 0)
    if not accepted.any():
        asked = f"{100 * least:g} % of the labelled voxels" if least else "a labelled voxel"
        found = f"none holds more than {100 * share.max():.2g} %"
        raise InputError(f"{name}: expected places where a crop of {_sides(crop)} holds {asked}; {found}")
    return accepted


def _drawn(accepted: Sequence[np.ndarray], count: int, random: np.random.RandomState) -> Places:
    subjects, corners = np.empty(count, np.int64), np.empty((count, 3), np.int64)
    for crop in range(count):
        subjects[crop] = random.randint(len(accepted))
        fits = accepted[subjects[crop]]
        while not fits[corner := tuple(random.randint(length) if length > 1 else 0 for length in fits.shape)]:
            pass
        corners[crop] = corner
    return Places(subjects, corners)


def _box_sums(mask: np.ndarray, box: Sequence[int]) -> np.ndarray:
    """How many voxels of a mask each box holds, by its first voxel: the differences of an integral image."""
    sums = mask.astype(np.int32)
    for axis, side in reversed([*enumerate(box)]):  # the last axis lies together in memory, so it makes the rest small
        before = [(1, 0) if each == axis else (0, 0) for each in range(sums.ndim)]
        integral = np.pad(np.cumsum(sums, axis=axis, dtype=np.int32), before)
        ends = np.arange(side, integral.shape[axis])
        sums = integral.take(ends, axis=axis) - integral.take(ends - side, axis=axis)
    return sums


def _sides(sides: Sequence[int]) -> str:
    return " x ".join(map(str, sides))
