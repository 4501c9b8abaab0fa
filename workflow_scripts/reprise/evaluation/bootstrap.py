"""The bootstrap for statistics of sums over units, such as a mean over cases, MAE, R2 or micro Dice."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from reprise.evaluation.estimates import Estimate, Sampling

BLOCK_BYTES = 1 << 20  # of indices at a time: what fits a core's cache is fastest
FLAT = 1e-12  # below this ratio of variance to mean square, a variance is rounding alone

Floats = NDArray[np.float64]


def estimates(
    terms: pd.DataFrame,
    statistics: Callable[[Floats], Mapping[str, Floats]],
    sampling: Sampling,
    level: float,
    units: pd.Series | None = None,
) -> dict[str, Estimate]:
    """Statistics of the sums of a table, by name, with percentile intervals over resamples of its units.

    There is no interval if there is only one unit.

    Args:
        terms: what each row adds to each of k sums.
        statistics: the values (...) by name from sums (..., k).
        sampling: resamples and seed.
        level: of the intervals.
        units: the unit of each row; the rows of a unit are drawn together. By default each row is a unit.
    """
    by_unit = terms if units is None else terms.groupby(units, sort=False).sum()
    values = statistics(by_unit.sum().to_numpy(dtype=float))
    resampled = statistics(resampled_sums(by_unit, *sampling)) if len(by_unit) > 1 else {}
    return {
        name: Estimate(float(value), *interval(resampled.get(name, []), level), len(by_unit))
        for name, value in values.items()
    }


def mean_terms(table: pd.DataFrame) -> pd.DataFrame:
    """What each case adds to the sums from which `means_from_sums` computes: its values, and which are known (1 or 0).

    Args:
        table: (n, m), one row per case, one column per measure; a value may be missing (NaN).

    Returns: (n, 2 m).
    """
    return table.fillna(0).astype(float).join(table.notna().astype(float).add_suffix("_known"))


def means_from_sums(names: Sequence[str], sums: Floats) -> dict[str, Floats]:
    """The mean (...) of each measure over the cases that have it, from sums (..., 2 m) of `mean_terms`; NaN of none."""
    totals, known = sums[..., : len(names)], sums[..., len(names) :]
    with np.errstate(invalid="ignore", divide="ignore"):
        return dict(zip(names, np.moveaxis(totals / known, -1, 0), strict=True))


def correlation_from_sums(sums: Floats) -> Floats:
    """Pearson correlations (...) from the sums (..., 6) of 1, x, y, x2, y2 and xy; NaN where x or y does not vary."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread = [n * squares - total * total for total, squares in ((x, xx), (y, yy))]
    varies = (spread[0] > FLAT * n * xx) & (spread[1] > FLAT * n * yy)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(varies, (n * xy - x * y) / np.sqrt(spread[0] * spread[1]), np.nan)


def resampled_sums(terms: ArrayLike, resamples: int, seed: int) -> Floats:
    """Sums of each unit's terms over resamples of the units with replacement.

    The draws are those of a plain loop that calls `np.random.default_rng(seed).integers(n, size=n)` once per
    resample. Here resamples are drawn in blocks, and each block is one product: how often each unit was drawn
    times the terms.

    Args:
        terms: (n, k), what each unit adds to each of k sums. A unit is what was sampled, such as a patient with the
            terms of all scans added up.
        resamples: how many.
        seed: of the draws.

    Returns: (resamples, k).
    """
    values = np.asarray(terms, dtype=float)
    n, k = values.shape
    sums = np.zeros((resamples, k))
    first = 0
    for times in drawn_times(n, resamples, seed):
        sums[first : first + len(times)] = times @ values
        first += len(times)
    return sums


def drawn_times(n: int, resamples: int, seed: int, block: int = 0) -> Iterator[NDArray[np.int64]]:
    """How often each of n units was drawn (rows, n) in resamples with replacement, see `resampled_sums`; by blocks.

    Args:
        n: units. Without any, nothing is drawn.
        resamples: how many.
        seed: of the draws, which do not depend on the blocks.
        block: resamples at a time; by default as many as fit a core's cache.
    """
    generator = np.random.default_rng(seed)
    block = block or max(BLOCK_BYTES // (8 * max(n, 1)), 1)
    for first in range(0, resamples if n else 0, block):
        rows = min(block, resamples - first)
        drawn = generator.integers(n, size=(rows, n)) + np.arange(rows)[:, None] * n
        yield np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)


def interval(values: ArrayLike, level: float) -> tuple[float, float]:
    """Percentile interval of a statistic over resamples (n,): ranks n * tail and n * (1 - tail), from 0, of the sorted.

    At level 0.9, 10,000 resamples give ranks 500 and 9,500. Resamples in which the statistic is undefined (NaN) do not
    count; NaN if none is left.
    """
    known = np.asarray(values, dtype=float)
    known = np.sort(known[~np.isnan(known)])
    if not len(known):
        return float("nan"), float("nan")
    ranks = (round(len(known) * (1 + side * level) / 2) for side in (-1, 1))
    low, high = (float(known[min(rank, len(known) - 1)]) for rank in ranks)
    return low, high
