"""The study's measures: pixels of a fold pooled, as published, and means over scans with their intervals."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mslesion.analysis.lesions import lesion_measures, overall_score
from mslesion.data.conversion import scan_of
from reprise.evaluation.bootstrap import interval, resampled_sums
from reprise.evaluation.estimates import Estimate, Row, Sampling, metric

LEVEL = 0.95
POOLED = {f"val_{name}": name for name in ("accuracy", "dice", "sensitivity", "specificity")} | {
    "val_loss": "dice_loss"
}
VOLUME = ("dice", "sensitivity", "specificity", "accuracy", "ppv", "ltpr", "lfpr", "volume_difference")
LOADS = ("load_ml", "true_load_ml")
NO_INTERVAL = (float("nan"), float("nan"))
FLAT = 1e-12  # a variance below this share of the mean square is rounding

Floats = np.ndarray


def best_so_far(history: pd.DataFrame, until: int) -> pd.DataFrame:
    """The published measures of a network at the least error of pooled pixels up to an epoch, a row a fold."""
    early = history[history["epoch"] <= until]
    best = early.loc[early.groupby("fold")["val_error"].idxmin()].set_index("fold")
    return best[list(POOLED)].rename(columns=POOLED)


def pooled_rows(network: str, history: pd.DataFrame, epochs: Sequence[int], scans: pd.Series) -> Iterator[Row]:
    """What the published code prints: each fold at its best epoch, the best fold, and the mean over folds.

    Args:
        network: its name.
        history: of the published trainings, a row a fold and epoch.
        epochs: after which the same is reported, as far as all folds came; the whole training is always reported.
        scans: number of scans by fold.
    """
    last = int(history["epoch"].max())
    reached = int(history.groupby("fold")["epoch"].max().min())
    for until, at in [(last, ""), *((epoch, f"/epoch{epoch}") for epoch in epochs if epoch <= reached)]:
        best = best_so_far(history, until)
        parts = {f"fold{fold}": best.loc[[fold]] for fold in best.index}
        parts |= {"best_fold": best.loc[[best["dice"].idxmax()]], "mean_fold": best}
        for name, rows in parts.items():
            n = int(scans.loc[rows.index].sum())
            for measure, value in rows.mean().items():
                estimate = Estimate(float(value), *NO_INTERVAL, n)
                yield metric("published", f"{network}/{name}{at}/{measure}", "1", estimate, LEVEL)


def scan_rows(network: str, protocol: str, volumes: pd.DataFrame, sampling: Sampling) -> Iterator[Row]:
    """Means over a network's scans and raters, of all folds and of each; a row of the table is a scan and rater."""
    parts = {"scans": volumes} | {f"scans/fold{fold}": rows for fold, rows in volumes.groupby("fold")}
    for name, rows in parts.items():
        for measure, estimate in scan_estimates(rows, sampling).items():
            yield metric(protocol, f"{network}/{name}/{measure}", "1", estimate, LEVEL)


def scan_estimates(volumes: pd.DataFrame, sampling: Sampling) -> dict[str, Estimate]:
    """Means over scans and raters, the correlation of lesion loads and the overall score, by name.

    Patients are resampled, the time points and raters of one together; of a single patient there is no interval.
    Scans without a volume difference, of which only the rater's mask is empty, do not count for it.
    """
    raters = volumes["rater"].nunique()
    terms = _terms(volumes).groupby(volumes["patient"], sort=False).sum()
    values = _statistics(terms.sum().to_numpy(dtype=float), raters)
    resampled = _statistics(resampled_sums(terms, *sampling), raters) if len(terms) > 1 else {}
    n = volumes["case"].nunique()
    return {
        name: Estimate(float(value), *(interval(resampled[name], LEVEL) if resampled else NO_INTERVAL), n)
        for name, value in values.items()
    }


def rater_volumes(cases: pd.DataFrame, arrays: dict[str, np.ndarray]) -> pd.DataFrame:
    """Measures of the second rater's masks against the first's, as of a network's; a row a scan."""
    rows = []
    for case in cases.to_dict("records"):
        voxel_mm3 = case["slice_mm"] * case["row_mm"] * case["column_mm"]
        first, second = (scan_of(arrays[f"mask{rater}"], case) for rater in (1, 2))
        named = {"case": case["case"], "patient": case["patient"], "rater": 1}
        rows.append(named | lesion_measures(second, first, voxel_mm3))
    return pd.DataFrame(rows)


def data_rows(cases: pd.DataFrame, protocol: str) -> Iterator[Row]:
    """How many scans and patients the data set has."""
    for unit, column in (("scans", "case"), ("patients", "patient")):
        count = int(cases[column].nunique())
        yield metric(protocol, f"data/{unit}", unit, Estimate(count, *NO_INTERVAL, count), LEVEL)


def _terms(volumes: pd.DataFrame) -> pd.DataFrame:
    """What each scan and rater adds to the sums that `_statistics` is made of: two a measure, six a rater."""
    columns: dict[str, Any] = {name: volumes[name].fillna(0) for name in VOLUME}
    columns |= {f"{name}_known": volumes[name].notna() for name in VOLUME}
    # Correlations do not depend on where zero is; near the mean, sums of squares lose no digits.
    x, y = (volumes[name] - volumes[name].mean() for name in LOADS)
    for rater in sorted(volumes["rater"].unique()):
        own = volumes["rater"] == rater
        columns |= {f"n{rater}": own} | {
            f"{name}{rater}": product.where(own, 0)
            for name, product in {"x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y}.items()
        }
    return pd.DataFrame(columns).astype(float)


def _statistics(sums: Floats, raters: int) -> dict[str, Floats]:
    """Every measure (...) from sums (..., terms)."""
    kinds = len(VOLUME)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = dict(zip(VOLUME, np.moveaxis(sums[..., :kinds] / sums[..., kinds : 2 * kinds], -1, 0), strict=True))
    correlations = _correlation(sums[..., 2 * kinds :].reshape(*sums.shape[:-1], raters, 6))
    parts = [means[name][..., None] for name in ("dice", "ppv", "lfpr", "ltpr")]
    score = overall_score(parts[0], parts[1], parts[2], parts[3], correlations).mean(axis=-1)
    return means | {"load_correlation": correlations.mean(axis=-1), "score": score}


def _correlation(sums: Floats) -> Floats:
    """Pearson correlations (...) from the sums (..., 6) of 1, x, y, x2, y2 and xy; NaN where x or y does not vary."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread = [n * squares - one * one for one, squares in ((x, xx), (y, yy))]
    varies = (spread[0] > FLAT * n * xx) & (spread[1] > FLAT * n * yy)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(varies, (n * xy - x * y) / np.sqrt(spread[0] * spread[1]), np.nan)
