"""The study's measures: pixels of a fold pooled, as published, and means over scans with their intervals."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mslesion.analysis.lesions import lesion_measures, overall_score
from reprise.data.store import slices_of
from reprise.evaluation.bootstrap import correlation_from_sums, estimates, mean_terms, means_from_sums
from reprise.evaluation.estimates import Estimate, Row, Sampling, metric, without_interval

LEVEL = 0.95
# What the published code prints, by the column of a history.
PRINTED = {f"val_{name}": name for name in ("accuracy", "dice", "sensitivity")} | {
    "val_printed_specificity": "specificity",
    "val_loss": "dice_loss",
}
VOLUME = ("dice", "sensitivity", "specificity", "accuracy", "ppv", "ltpr", "lfpr", "volume_difference")
LOADS = ("load_ml", "true_load_ml")

Floats = np.ndarray


def best_so_far(history: pd.DataFrame, until: int) -> pd.DataFrame:
    """The row of a history with the lowest error of pooled pixels up to an epoch, for each fold."""
    early = history[history["epoch"] <= until]
    return early.loc[early.groupby("fold")["val_error"].idxmin()].set_index("fold")


def pooled_rows(network: str, history: pd.DataFrame, epochs: Sequence[int], scans: pd.Series) -> Iterator[Row]:
    """The measures that the published code prints: each fold at its best epoch, the best fold, the mean over folds.

    Args:
        network: its name.
        history: of the published trainings, one row per fold and epoch.
        epochs: the best epoch up to each of these is reported, too, if all folds reached it.
        scans: number of scans by fold.
    """
    last = int(history["epoch"].max())
    reached = int(history.groupby("fold")["epoch"].max().min())
    for until, at in [(last, ""), *((epoch, f"/epoch{epoch}") for epoch in epochs if epoch <= reached)]:
        best = best_so_far(history, until)[list(PRINTED)].rename(columns=PRINTED)
        parts = {f"fold{fold}": best.loc[[fold]] for fold in best.index}
        parts |= {"best_fold": best.loc[[best["dice"].idxmax()]], "mean_fold": best}
        for name, rows in parts.items():
            n = int(scans.loc[rows.index].sum())
            for measure, value in rows.mean().items():
                quantity = f"{network}/{name}{at}/{measure}"
                yield metric("published", quantity, "1", without_interval(value, n), LEVEL)


def scan_rows(network: str, protocol: str, volumes: pd.DataFrame, sampling: Sampling) -> Iterator[Row]:
    """Means over a network's scans and raters, over all folds and for each; `volumes` has a row per scan and rater."""
    parts = {"scans": volumes} | {f"scans/fold{fold}": rows for fold, rows in volumes.groupby("fold")}
    for name, rows in parts.items():
        for measure, estimate in scan_estimates(rows, sampling).items():
            yield metric(protocol, f"{network}/{name}/{measure}", "1", estimate, LEVEL)


def scan_estimates(volumes: pd.DataFrame, sampling: Sampling) -> dict[str, Estimate]:
    """Means over scans and raters, the correlation of lesion loads and the overall score, by name.

    Patients are resampled, each with all its time points and raters; a single patient gives no interval. Scans in which
    only the rater's mask is empty have no volume difference, and do not count for its mean.
    """
    names, raters = list(VOLUME), volumes["rater"].nunique()
    terms = mean_terms(volumes[names]).join(_load_terms(volumes))

    def statistics(sums: Floats) -> dict[str, Floats]:
        means = means_from_sums(names, sums[..., : 2 * len(names)])
        return means | _load_statistics(means, sums[..., 2 * len(names) :], raters)

    found = estimates(terms, statistics, sampling, LEVEL, volumes["patient"])
    return {name: estimate._replace(n=volumes["case"].nunique()) for name, estimate in found.items()}


def rater_volumes(cases: pd.DataFrame, arrays: dict[str, np.ndarray]) -> pd.DataFrame:
    """Measures of the second rater's masks against the first rater's, as for a network: one row per scan."""
    rows = []
    for case in cases.to_dict("records"):
        voxel_mm3 = case["slice_mm"] * case["row_mm"] * case["column_mm"]
        first, second = (slices_of(arrays[f"mask{rater}"], case) for rater in (1, 2))
        named = {"case": case["case"], "patient": case["patient"], "rater": 1}
        rows.append(named | lesion_measures(second, first, voxel_mm3))
    return pd.DataFrame(rows)


def data_rows(cases: pd.DataFrame, protocol: str) -> Iterator[Row]:
    """The number of scans and of patients in the data set."""
    for unit, column in (("scans", "case"), ("patients", "patient")):
        count = int(cases[column].nunique())
        yield metric(protocol, f"data/{unit}", unit, without_interval(count, count), LEVEL)


def _load_terms(volumes: pd.DataFrame) -> pd.DataFrame:
    """What each scan and rater adds to the sums of `_load_statistics`: six per rater."""
    columns: dict[str, Any] = {}
    # Correlations do not depend on where zero is; near the mean, sums of squares lose no digits.
    x, y = (volumes[name] - volumes[name].mean() for name in LOADS)
    for rater in sorted(volumes["rater"].unique()):
        own = volumes["rater"] == rater
        products = {"n": own, "x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y}
        columns |= {f"{name}{rater}": product.where(own, 0) for name, product in products.items()}
    return pd.DataFrame(columns).astype(float)


def _load_statistics(means: dict[str, Floats], sums: Floats, raters: int) -> dict[str, Floats]:
    """The correlation of lesion loads and the overall score (...), means over raters, from sums (..., 6 raters)."""
    correlations = correlation_from_sums(sums.reshape(*sums.shape[:-1], raters, 6))
    dice, ppv, lfpr, ltpr = (means[name][..., None] for name in ("dice", "ppv", "lfpr", "ltpr"))
    scores = overall_score(dice, ppv, lfpr, ltpr, correlations)
    return {"load_correlation": correlations.mean(axis=-1), "score": scores.mean(axis=-1)}
