"""What the published grid of 256 x 256 x 10 does to labels and to scores, case by case."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from skimage.transform import resize

from acdc.analysis.protocols import STRUCTURES
from acdc.analysis.weightings import CLASSES
from reprise.evaluation.mask_scores import class_dice, confusions

KEPT = slice(1, None, 2)  # of the grid's slices, by number from 0: 1, 3, 5, 7, 9


def grid_rows(found: np.ndarray, true: np.ndarray, structures: Sequence[str], shape: tuple[int, ...]) -> Any:
    """One row per structure of one case, with these Dice.

    label_linear, label_nearest: of the labels brought to the published grid, linearly as published or to the nearest
    voxel, and back to their own, against the labels themselves. native: of what was found, on the case's own grid.
    grid: the same after both were brought to the published grid as published labels are. kept: the same on every
    second slice of that grid.

    Args:
        found: (N, H, W), predicted classes.
        true: (N, H, W), classes of the reference.
        structures: names of what is scored.
        shape: slices, rows and columns of the published grid.
    """
    linear = [to_grid(classes, shape) for classes in (true, found)]
    nearest = nearest_to(nearest_to(true, shape), true.shape)
    pairs: Mapping[str, tuple[np.ndarray, np.ndarray]] = {
        "label_linear": (true, nearest_to(linear[0], true.shape)),
        "label_nearest": (true, nearest),
        "native": (true, found),
        "grid": (linear[0], linear[1]),
        "kept": (linear[0][KEPT], linear[1][KEPT]),
    }
    labels = [STRUCTURES[name] for name in structures]
    table = {name: class_dice(confusions(*pair, CLASSES), labels) for name, pair in pairs.items()}
    for place, structure in enumerate(structures):
        yield {"structure": structure} | {name: float(values[place]) for name, values in table.items()}


def to_grid(classes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Classes (N, H, W) on another grid as the published code has them: linear, smoothed where coarser, rounded."""
    smooth = resize(classes.astype(np.float64), shape, order=1, anti_aliasing=True, preserve_range=True)
    return np.rint(smooth).astype(np.uint8)


def nearest_to(classes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Classes (N, H, W) on another grid over the same volume: those of the nearest voxel."""
    places = [
        np.minimum(((np.arange(new) + 0.5) * old / new).astype(int), old - 1)
        for old, new in zip(classes.shape, shape, strict=True)
    ]
    return classes[np.ix_(*places)]
