"""Ensembles that join classes, not probabilities: majority vote and STAPLE."""

import numpy as np

from acdc.analysis.weightings import CLASSES, weighted_sum
from reprise.evaluation.surfaces import bounding_box

UNDECIDED = 255
MOST_ITERATIONS = 100


def majority(maps: np.ndarray) -> np.ndarray:
    """The class (N, H, W) uint8 that most members choose, from their probabilities (M, N, H, W, C).

    Of classes with equally many votes, the one with the largest sum of probabilities wins; of equal sums, the lowest
    class.
    """
    votes = sum((_choices(one)[..., None] == np.arange(CLASSES)).astype(np.uint8) for one in maps)
    sums = np.where(votes == votes.max(axis=-1, keepdims=True), weighted_sum(maps, np.ones(len(maps))), -1)
    return sums.argmax(axis=-1).astype(np.uint8)


def staple(maps: np.ndarray) -> np.ndarray:
    """The classes (N, H, W) uint8 by STAPLE for several labels, from probabilities (M, N, H, W, C).

    Only the box of what any member takes for a structure takes part: background elsewhere would count as agreement and
    make all members look alike (Rohlfing et al., IPMI 2003). Undecided voxels get the class of the mean of the
    probabilities.
    """
    import SimpleITK  # here, because reading members does without it

    chosen = np.stack([_choices(one) for one in maps])
    found = np.zeros(chosen.shape[1:], np.uint8)
    box = bounding_box(chosen.max(axis=0) > 0)
    if not found[box].size:
        return found
    rater = SimpleITK.MultiLabelSTAPLEImageFilter()
    rater.SetLabelForUndecidedPixels(UNDECIDED)
    rater.SetMaximumNumberOfIterations(MOST_ITERATIONS)
    rater.SetNumberOfWorkUnits(1)
    joined = SimpleITK.GetArrayFromImage(
        rater.Execute([SimpleITK.GetImageFromArray(classes[box]) for classes in chosen])
    )
    means = weighted_sum(maps[(slice(None), *box)], np.ones(len(maps))).argmax(axis=-1)
    found[box] = np.where(joined == UNDECIDED, means, joined)
    return found


def _choices(probabilities: np.ndarray) -> np.ndarray:
    return probabilities.astype(np.float32).argmax(axis=-1).astype(np.uint8)


VOTES = {"majority": majority, "staple": staple}
