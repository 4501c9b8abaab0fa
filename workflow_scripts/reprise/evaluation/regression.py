"""Errors of a regression, directly and from the sums that a bootstrap resamples."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics

Floats = NDArray[np.float64]
NAMES = ("mae", "rmse", "r2", "r2_pearson")


def mae(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Mean absolute error, in the unit of the arguments (n,)."""
    return float(metrics.mean_absolute_error(truth, prediction))


def rmse(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Root of the mean squared error, in the unit of the arguments (n,)."""
    return float(metrics.root_mean_squared_error(truth, prediction))


def r2(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Coefficient of determination, 1 - SSE / SST; negative if worse than the mean, NaN if the truth is constant."""
    return float(metrics.r2_score(truth, prediction)) if np.ptp(truth) > 0 else float("nan")


def r2_pearson(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Squared Pearson correlation, which forgives any scale and offset; NaN if either side is constant."""
    if min(np.ptp(truth), np.ptp(prediction)) == 0:
        return float("nan")
    return float(np.corrcoef(np.asarray(truth), np.asarray(prediction))[0, 1] ** 2)


def errors(truth: ArrayLike, prediction: ArrayLike) -> dict[str, float]:
    """All four measures of paired values (n,) by name; NaN if there are none."""
    if not np.size(truth):
        return dict.fromkeys(NAMES, float("nan"))
    return {function.__name__: function(truth, prediction) for function in (mae, rmse, r2, r2_pearson)}


def error_terms(truth: ArrayLike, prediction: ArrayLike) -> Floats:
    """What each case adds to the sums from which `errors_from_sums` computes: (n,) twice to (n, 7)."""
    # Both sides lose the same constant, so that squares of large means do not drown the differences.
    centre = np.mean(np.asarray(truth)) if np.size(truth) else 0.0
    y, p = np.asarray(truth, dtype=float) - centre, np.asarray(prediction, dtype=float) - centre
    return np.stack([np.ones_like(y), np.abs(p - y), np.square(p - y), y, np.square(y), p, np.square(p)], axis=1)


def errors_from_sums(sums: Floats) -> dict[str, Floats]:
    """The measures (...) from summed `error_terms` (..., 7); NaN where one is undefined."""
    n, absolute, squared, y, yy, p, pp = np.where(sums[..., :1] > 0, sums, np.nan).T
    spread_y, spread_p = yy - y**2 / n, pp - p**2 / n
    # From (p - y)^2 = p^2 + y^2 - 2 p y, less the part of the means.
    covariance = (pp + yy - squared) / 2 - p * y / n
    defined = spread_y > 1e-12 * yy
    total = np.where(defined, spread_y, np.nan)
    spread = np.where(spread_p > 1e-12 * pp, spread_p, np.nan)
    return {
        "mae": absolute / n,
        "rmse": np.sqrt(squared / n),
        "r2": 1 - squared / total,
        "r2_pearson": covariance**2 / (total * spread),
    }
