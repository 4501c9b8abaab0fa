"""The bootstrap for statistics that depend on sums over units only, such as MAE, R2 or micro Dice."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK_BYTES = 1 << 20  # of indices at a time: what fits a core's cache is fastest


def resampled_sums(terms: ArrayLike, resamples: int, seed: int) -> NDArray[np.float64]:
    """Sums of each unit's terms over resamples of the units with replacement.

    The draws are those of a plain loop that calls `np.random.default_rng(seed).integers(n, size=n)` once a
    resample. Here resamples are drawn in blocks, and each block is one product: how often each unit was drawn
    times the terms.

    Args:
        terms: (n, k), what each unit adds to each of k sums. A unit is what was sampled: a video, say, with the
            terms of its two images added up.

    Returns: (resamples, k).
    """
    values = np.asarray(terms, dtype=float)
    n, k = values.shape
    generator = np.random.default_rng(seed)
    sums = np.zeros((resamples, k))
    block = max(BLOCK_BYTES // (8 * max(n, 1)), 1)
    for first in range(0, resamples if n else 0, block):
        rows = min(block, resamples - first)
        drawn = generator.integers(n, size=(rows, n)) + np.arange(rows)[:, None] * n
        times = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
        sums[first : first + rows] = times @ values
    return sums


def interval(values: ArrayLike, level: float) -> tuple[float, float]:
    """Percentile interval of a statistic over resamples (n,): places n * tail and n * (1 - tail) of the sorted ones.

    At level 0.9, 10,000 resamples give places 500 and 9,500, from 0. Resamples in which the statistic is
    undefined (NaN) do not count; NaN if none is left.
    """
    known = np.asarray(values, dtype=float)
    known = np.sort(known[~np.isnan(known)])
    if not len(known):
        return float("nan"), float("nan")
    places = (round(len(known) * (1 + side * level) / 2) for side in (-1, 1))
    low, high = (float(known[min(place, len(known) - 1)]) for place in places)
    return low, high
