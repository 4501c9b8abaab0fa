"""Area under the ROC curve with DeLong's interval."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


class Auc(NamedTuple):
    """Area under an ROC curve and its interval; NaN if a class is absent."""

    value: float
    low: float
    high: float


def auc(label: ArrayLike, score: ArrayLike, level: float) -> Auc:
    """Area under the ROC curve of a score (n,) for labels (n,), with an interval of the given level.

    The variance is DeLong's (DeLong et al., Biometrics 1988), by midranks (Sun and Xu, IEEE Signal Processing
    Letters 2014). The interval is cut at 0 and 1; it is NaN if a class has one member.
    """
    positive = np.asarray(label, dtype=bool)
    scores = np.asarray(score, dtype=float)
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        return Auc(float("nan"), float("nan"), float("nan"))
    ranks = stats.rankdata(scores)
    # For each positive, the fraction of negatives below it; for each negative, the fraction of positives above it.
    above = (ranks[positive] - stats.rankdata(scores[positive])) / n
    below = 1 - (ranks[~positive] - stats.rankdata(scores[~positive])) / m
    value = float(above.mean())
    if min(m, n) < 2:
        return Auc(value, float("nan"), float("nan"))
    error = np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n)
    half = float(stats.norm.ppf((1 + level) / 2) * error)
    return Auc(value, max(value - half, 0.0), min(value + half, 1.0))
