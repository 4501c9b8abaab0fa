"""Dice coefficients from counts of pixels: of an image, or pooled over many images."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def dice(intersection: ArrayLike, union: ArrayLike) -> NDArray[np.float64]:
    """Dice of each image, 2 I / (U + I), from its intersection and union in px; NaN where both masks are empty."""
    inner, outer = np.asarray(intersection, dtype=float), np.asarray(union, dtype=float)
    total = outer + inner
    return 2 * inner / np.where(total > 0, total, np.nan)


def dice_from_sums(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Dice (...) from sums (..., 2) of intersections and unions, as `estimates` wants it."""
    return {"dice": dice(sums[..., 0], sums[..., 1])}


def pooled_dice(intersection: ArrayLike, union: ArrayLike) -> float:
    """Micro Dice: the Dice of the pixels of all images together; NaN for no images or only empty images."""
    return float(dice(np.sum(intersection), np.sum(union)))
