"""Many weightings of a few members, scored at once: only voxels where the members differ are summed.

Where all members choose the same class, every weighting does too. Elsewhere a class that one and the same other class
beats in each member never wins. With two classes left, a weighted difference decides.

Each sum is exact, so its order does not matter and the scores are those of a plain loop. For a probability of type
float16 is a whole number of 2**-24, a weight here a whole number of 2**-20, and float64 holds their sums.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from reprise.evaluation.mask_scores import confusions

CLASSES = 4
FINEST = 2.0**-20  # weights are multiples of it
HEAVIEST = 2.0**9  # sum of the weights of a weighting: 24 + 20 + 9 bits are the 53 of float64
BITS = 8  # of a byte
STRIP, CHUNK = 16, 8192  # weightings and voxels at a time: what fits a core's cache is fastest


class Contest(NamedTuple):
    """What weightings of M members decide in K units, such as cases or slices.

    Voxels where two classes may win lie in G groups, one after the other. Each group is filled up to whole bytes with
    differences of -1, which no weighting counts.
    """

    settled: np.ndarray  # (K, C, C) voxels by true and found class where every weighting finds the same class
    differences: np.ndarray  # (M, U) float64, probability of the lower class less that of the higher one
    starts: np.ndarray  # (G,) the first byte of each group, if a voxel were a bit
    sizes: np.ndarray  # (G,) its voxels
    groups: np.ndarray  # (G, 4) unit, true class, lower and higher class
    open_maps: np.ndarray  # (M, X, C) float64, probabilities where three classes or more may win
    open_cells: np.ndarray  # (X, 2) unit and true class


def contest(units: Iterable[tuple[np.ndarray, np.ndarray]]) -> Contest:
    """What weightings decide.

    Args:
        units: for each one the members' probabilities (M, V, C) float16 and the true classes (V,) of its voxels.
    """
    parts = [_split(maps, true) for maps, true in units]
    cells = np.concatenate([np.insert(part[2], 0, unit, axis=1) for unit, part in enumerate(parts)])
    open_cells = np.concatenate([np.insert(part[4][:, None], 0, unit, axis=1) for unit, part in enumerate(parts)])
    order = np.lexsort(cells.T[::-1])
    groups, sizes = np.unique(cells[order], axis=0, return_counts=True)
    whole = -(-sizes // BITS)
    starts = np.cumsum(whole) - whole
    places = np.arange(len(order)) + np.repeat(BITS * starts - (np.cumsum(sizes) - sizes), sizes)
    differences = np.full((parts[0][1].shape[0], BITS * int(whole.sum())), -1.0)
    differences[:, places] = np.concatenate([part[1] for part in parts], axis=1)[:, order]
    settled = np.stack([part[0] for part in parts])
    open_maps = np.ascontiguousarray(np.concatenate([part[3] for part in parts], axis=1))
    return Contest(settled, differences, starts, sizes, groups, open_maps, open_cells)


def scores(
    decided: Contest, weights: ArrayLike, score: Callable[[np.ndarray], np.ndarray], block: int = 256
) -> np.ndarray:
    """The score (W,) of each weighting (W, M).

    Args:
        decided: by `contest`.
        weights: multiples of 2**-20 that are not negative, and not all 0.
        score: gives scores (w,) from numbers of voxels (w, K, C, C) by unit, true and found class.
        block: weightings whose numbers of voxels are held at a time.
    """
    table = checked(weights)
    pieces = [table[first : first + block] for first in range(0, len(table), block)]
    return np.concatenate([score(_counts(decided, piece)) for piece in pieces])


def checked(weights: ArrayLike) -> np.ndarray:
    """Weights (W, M) as float64; raises ValueError if sums with them would not be exact, or are all 0."""
    table = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    if (table % FINEST != 0).any() or (table < 0).any() or not ((total := table.sum(axis=1)) > 0).all():
        raise ValueError("weights are multiples of 2**-20, none is negative and not all of them are 0")
    if (total > HEAVIEST).any():
        raise ValueError(f"weights sum to at most {HEAVIEST:g}")
    return table


def rounded(weights: ArrayLike) -> np.ndarray:
    """Weights rounded to what `scores` takes."""
    return np.round(np.asarray(weights, dtype=np.float64) / FINEST) * FINEST


def weighted_sum(maps: np.ndarray, weights: ArrayLike) -> np.ndarray:
    """The exact weighted sum (..., C) float64 of members' probabilities (M, ..., C) with weights (M,)."""
    (factors,) = checked(weights)
    total = np.zeros(maps.shape[1:], dtype=np.float64)
    for one, factor in zip(maps, factors, strict=True):
        total += factor * one.astype(np.float64)
    return total


def _split(maps: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, ...]:
    """The parts of a contest that one unit adds: settled, differences, their cells, open maps, their true classes."""
    chosen = np.stack([one.astype(np.float32).argmax(axis=-1) for one in maps])
    agreed = (chosen == chosen[0]).all(axis=0)
    settled = confusions(true[agreed], chosen[0][agreed], CLASSES)
    rest, classes = maps[:, ~agreed].astype(np.float64), true[~agreed]
    beaten = np.zeros(rest.shape[1:], dtype=bool)
    for one in range(CLASSES):
        # strictly, so that a tie still goes to the lowest class
        beaten |= (rest[..., one, None] > rest).all(axis=0)
    left = ~beaten
    pairs = left.sum(axis=-1) == 2
    lower = left.argmax(axis=-1)[pairs]
    higher = CLASSES - 1 - left[:, ::-1].argmax(axis=-1)[pairs]
    two = rest[:, pairs]
    voxel = np.arange(two.shape[1])
    cells = np.stack([classes[pairs], lower, higher], axis=1).astype(np.intp)
    differences = two[:, voxel, lower] - two[:, voxel, higher]
    return settled, differences, cells, rest[:, ~pairs], classes[~pairs].astype(np.intp)


def _counts(decided: Contest, weights: np.ndarray) -> np.ndarray:
    """Numbers of voxels (w, K, C, C) by unit, true and found class for weights (w, M)."""
    counts = np.repeat(decided.settled[..., None].astype(np.int64), len(weights), axis=-1)
    if len(decided.starts):
        wins = np.bitwise_count(_lower_wins(decided.differences, weights))
        won = np.add.reduceat(wins, decided.starts, axis=1, dtype=np.int64).T
        unit, true, lower, higher = decided.groups.T
        np.add.at(counts, (unit, true, lower), won)
        np.add.at(counts, (unit, true, higher), decided.sizes[:, None] - won)
    if len(decided.open_cells):
        units = len(decided.settled)
        cells = CLASSES * (decided.open_cells @ [CLASSES, 1])
        flat = decided.open_maps.reshape(decided.open_maps.shape[0], -1)
        for place, factors in enumerate(weights):
            found = (factors @ flat).reshape(-1, CLASSES).argmax(axis=1)
            more = np.bincount(cells + found, minlength=units * CLASSES**2)
            counts[..., place] += more.reshape(units, CLASSES, CLASSES)
    return np.ascontiguousarray(np.moveaxis(counts, -1, 0))


def _lower_wins(differences: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Whether the lower class wins, (w, U / 8) uint8 with a bit per voxel, for weights (w, M); it wins a tie."""
    bits = np.empty((len(weights), differences.shape[1] // BITS), np.uint8)
    for row in range(0, len(weights), STRIP):
        strip = weights[row : row + STRIP]
        for first in range(0, differences.shape[1], CHUNK):
            won = strip @ differences[:, first : first + CHUNK] >= 0
            bits[row : row + STRIP, first // BITS : (first + CHUNK) // BITS] = np.packbits(won, axis=1)
    return bits
