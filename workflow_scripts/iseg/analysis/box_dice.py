"""Dice in crops of a segmented volume: of crops that the published rule accepts, and of all that hold some brain."""

from collections.abc import Sequence

import numpy as np

from iseg.analysis.protocols import TISSUES
from reprise.evaluation.mask_scores import dice_of

STEPS = 4  # from a crop to the next one: a quarter of its side


def box_dice(found: np.ndarray, true: np.ndarray, crop: Sequence[int], least: float) -> tuple[float, float]:
    """The mean Dice of tissues in crops at regular places, a quarter of a side apart.

    The first value is that of crops that hold at least the share `least` of the volume's labelled voxels, the second
    that of all crops that hold a labelled voxel. In each crop a tissue counts if the truth has it there. NaN if no crop
    is accepted.

    Args:
        found: (X, Y, Z) classes.
        true: (X, Y, Z) classes of the reference.
        crop: sides of a crop; those longer than the volume's are cut to it.
        least: share of the labelled voxels.
    """
    sides = [min(side, full) for side, full in zip(crop, true.shape, strict=True)]
    brain = box_sums(true > 0, sides)
    dice = []
    for label in TISSUES.values():
        ours, reference = found == label, true == label
        voxels = box_sums(reference, sides)
        of_box = dice_of(box_sums(ours & reference, sides), box_sums(ours, sides) + voxels)
        dice.append(np.where(voxels > 0, of_box, np.nan))
    there = brain > 0
    accepted = there & (brain >= least * (true > 0).sum())
    means = np.full(brain.shape, np.nan)
    means[there] = np.nanmean(np.stack(dice)[:, there], axis=0)
    rich, every = (float(means[chosen].mean()) if chosen.any() else float("nan") for chosen in (accepted, there))
    return rich, every


def box_sums(mask: np.ndarray, sides: Sequence[int]) -> np.ndarray:
    """Voxels of a mask (X, Y, Z) in boxes of these sides, one at each quarter of a side and one at the last place."""
    sums: np.ndarray = mask
    for axis in reversed(range(mask.ndim)):  # from the last one, along which memory runs
        side, full = sides[axis], sums.shape[axis]
        starts = np.unique([*range(0, full - side + 1, max(side // STEPS, 1)), full - side])
        before = np.insert(sums.cumsum(axis=axis, dtype=np.int32), 0, 0, axis=axis)
        sums = before.take(starts + side, axis=axis) - before.take(starts, axis=axis)
    return sums
