"""Whether probabilities are frequencies: reliability by bins, and the expected calibration error."""

import numpy as np
import pandas as pd

BINS = 15


def reliability(confidence: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Mean confidence, how often it was right (accuracy) and the share of all, by 15 bins of confidence (from 1).

    Bins are equally wide, and a bin has its upper end (Guo et al., ICML 2017). Those without a value are left out.

    Args:
        confidence: (N,), probabilities.
        right: (N,) bool, whether what had this probability came true.
    """
    confidence = confidence.astype(np.float64)
    of = np.clip(np.ceil(confidence * BINS).astype(np.intp), 1, BINS)
    sizes, confident, correct = (
        np.bincount(of, weights=each, minlength=BINS + 1) for each in (None, confidence, right.astype(np.float64))
    )
    bins = np.flatnonzero(sizes)
    return pd.DataFrame(
        {
            "bin": bins,
            "confidence": confident[bins] / sizes[bins],
            "accuracy": correct[bins] / sizes[bins],
            "share": sizes[bins] / max(len(of), 1),
        }
    )


def calibration_error(table: pd.DataFrame) -> float:
    """The expected calibration error: mean distance of confidence and accuracy over the bins of `reliability`."""
    return float((table["share"] * (table["confidence"] - table["accuracy"]).abs()).sum())
