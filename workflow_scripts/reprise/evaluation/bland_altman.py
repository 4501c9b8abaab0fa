"""How quantities that were found agree with true ones: correlation, bias and SD of the differences, from sums."""

import numpy as np
import pandas as pd

from reprise.evaluation.bootstrap import correlation_from_sums


def agreement_terms(found: pd.DataFrame, true: pd.DataFrame) -> pd.DataFrame:
    """What each case adds to the sums of `agreement_statistics`: eight per quantity; 0 where a value is missing (NaN).

    Args:
        found: one row per case, one column per quantity.
        true: the same rows and columns.
    """
    columns: dict[str, pd.Series] = {}
    for name in found:
        ours, reference = found[name], true[name]
        known = ours.notna() & reference.notna()
        # A correlation does not depend on where zero is; near the mean, sums of squares lose no digits.
        x, y, difference = reference - reference.mean(), ours - ours.mean(), ours - reference
        products = {"n": known * 1.0, "x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y}
        products |= {"d": difference, "dd": difference**2}
        columns |= {f"{name}_{key}": product.where(known, 0) for key, product in products.items()}
    return pd.DataFrame(columns, index=found.index).astype(float)


def agreement_statistics(names: list[str], sums: np.ndarray) -> dict[str, np.ndarray]:
    """Correlation, bias and SD of the differences found - true (...) of each quantity, from sums (..., 8 per quantity).

    The SD has n - 1 in its denominator (Bland and Altman, Lancet 1986). Limits of agreement are bias -+ 1.96 SD.
    """
    found: dict[str, np.ndarray] = {}
    for name, part in zip(names, np.split(sums, len(names), axis=-1), strict=True):
        n, d, dd = part[..., 0], part[..., 6], part[..., 7]
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = np.maximum(dd - d * d / n, 0) / np.where(n > 1, n - 1, np.nan)
            found |= {f"{name}_r": correlation_from_sums(part[..., :6]), f"{name}_bias": d / n}
        found[f"{name}_sd"] = np.sqrt(variance)
    return found
