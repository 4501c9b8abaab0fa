"""How well heat maps agree with where a finding is, and with each other."""

import numpy as np
from scipy.stats import rankdata


def pointing(maps: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Whether the highest pixel of each map (N, H, W) lies in the truth (N, H, W) bool: 1, 0; or NaN without a truth.

    The pointing game of Zhang et al. (ECCV 2016), without a tolerance. A map without a highest pixel misses.
    """
    flat, inside = _flat(maps), _flat(truth)
    hit = np.take_along_axis(inside, flat.argmax(axis=1)[:, None], axis=1)[:, 0] & (np.ptp(flat, axis=1) > 0)
    return np.where(inside.any(axis=1), hit, np.nan)


def overlap(maps: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The share of the truth (N, H, W) bool that the highest pixels of a map (N, H, W), as many, cover; NaN without.

    This is their Dice coefficient, too. Of pixels as high as the lowest of these, the expected share counts: so a map
    without a highest pixel has the share of the truth in the image, as a map by chance.
    """
    flat, inside = _flat(maps), _flat(truth)
    count = inside.sum(axis=1)
    level = np.take_along_axis(-np.sort(-flat, axis=1), np.maximum(count - 1, 0)[:, None], axis=1)
    above, tied = flat > level, flat == level
    share = (count - above.sum(axis=1)) / tied.sum(axis=1)  # of the tied pixels
    covered = (above & inside).sum(axis=1) + share * (tied & inside).sum(axis=1)
    return np.divide(covered, count, out=np.full(len(flat), np.nan), where=count > 0)


def rank_correlation(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Spearman's correlation (N,) of each map (N, H, W) with another; NaN if one of them has no contrast."""
    first, second = (rankdata(_flat(each), axis=1) for each in (maps, others))
    first, second = (each - each.mean(axis=1, keepdims=True) for each in (first, second))
    scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    return np.divide((first * second).sum(axis=1), scale, out=np.full(len(first), np.nan), where=scale > 0)


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1)
