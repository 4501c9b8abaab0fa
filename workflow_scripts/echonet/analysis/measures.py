"""The study's measures with their intervals, by either protocol: published habits, and sound ones."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from echonet.analysis.auc import auc
from echonet.analysis.overlap import dice_from_sums
from reprise.evaluation.bootstrap import estimates
from reprise.evaluation.estimates import Estimate, Row, Sampling, metric
from reprise.evaluation.regression import error_terms, errors, errors_from_sums

LEVELS = {"published": 0.90, "sound": 0.95}
EF_THRESHOLDS = (35, 40, 45, 50)
POINTS = "EF points"
UNITS = {"mae": POINTS, "rmse": POINTS, "r2": "1", "r2_pearson": "1"}
OTHER = {"large": "small", "small": "large"}
PARTS = {"dice_overall": ["large", "small"], "dice_large": ["large"], "dice_small": ["small"]}


def row(protocol: str, quantity: str, unit: str, estimate: Estimate) -> Row:
    """A row of the metrics' table with the protocol's level."""
    return metric(protocol, quantity, unit, estimate, LEVELS[protocol])


def images_of(overlap: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """The traced images that a protocol counts: `sound` leaves out malformed tracings and defines large by area."""
    return overlap if protocol == "published" else by_area(well_traced(overlap))


def well_traced(overlap: pd.DataFrame) -> pd.DataFrame:
    """Only the videos whose two tracings have the right number of rows."""
    return overlap[overlap["tracing_ok"]]


def by_area(overlap: pd.DataFrame) -> pd.DataFrame:
    """The larger traced image of a video is called `large`, whatever the order in the file of tracings."""
    return overlap.assign(image=overlap["image"].where(overlap["order_ok"], overlap["image"].map(OTHER)))


def dice_estimate(images: pd.DataFrame, unit: str, level: float, sampling: Sampling) -> Estimate:
    """Micro Dice of images, resampled by `image`, or by `video` with its images together."""
    units = images["case"] if unit == "video" else None
    return estimates(images[["intersection", "union"]], dice_from_sums, sampling, level, units)["dice"]


def dice_rows(network: str, overlap: pd.DataFrame, protocol: str, sampling: Sampling) -> Iterator[Row]:
    """Micro Dice of a segmentation network: overall, large and small, on validation and test."""
    unit = "image" if protocol == "published" else "video"
    images = images_of(overlap, protocol)
    for split in ("val", "test"):
        for name, parts in PARTS.items():
            chosen = images[(images["split"] == split) & images["image"].isin(parts)]
            estimate = dice_estimate(chosen, unit, LEVELS[protocol], sampling)
            yield row(protocol, f"segmentation/{network}/{split}/{name}", "1", estimate)


def error_estimates(truth: Any, prediction: Any, level: float, sampling: Sampling) -> dict[str, Estimate]:
    """MAE, RMSE and both kinds of R2 of EF, resampled by video; videos without a prediction do not count."""
    known = ~np.isnan(np.asarray(prediction, dtype=float))
    y, p = np.asarray(truth, dtype=float)[known], np.asarray(prediction, dtype=float)[known]
    resampled = estimates(pd.DataFrame(error_terms(y, p)), errors_from_sums, sampling, level)
    # The values themselves are computed directly, which loses fewer digits than sums do.
    return {name: resampled[name]._replace(value=value) for name, value in errors(y, p).items()}


def error_rows(prefix: str, truth: Any, prediction: Any, protocol: str, sampling: Sampling) -> Iterator[Row]:
    """Errors of EF as rows."""
    for name, estimate in error_estimates(truth, prediction, LEVELS[protocol], sampling).items():
        yield row(protocol, f"{prefix}/{name}", UNITS[name], estimate)


def auc_rows(prefix: str, truth: Any, prediction: Any, protocol: str) -> Iterator[Row]:
    """AUC for detecting an EF above each threshold, with DeLong's interval."""
    known = ~np.isnan(np.asarray(prediction, dtype=float))
    y, p = np.asarray(truth, dtype=float)[known], np.asarray(prediction, dtype=float)[known]
    for threshold in EF_THRESHOLDS:
        area = auc(y > threshold, p, LEVELS[protocol])
        yield row(protocol, f"{prefix}/auc_{threshold}", "1", Estimate(*area, len(y)))


def all_clips_there(clips: pd.DataFrame) -> bool:
    """Whether there are predictions (case, start) for all clips, not only for those that beats need."""
    starts = clips.groupby("case")["start"]
    return bool(starts.max().max() > 0 and (starts.count() == starts.max() + 1).all())


def by_video(clips: pd.DataFrame, seed: int) -> dict[str, pd.Series]:
    """EF of each video, by the choice of clips: `first`, and if all are there, `one` at random and the mean of `all`.

    Args:
        clips: case, start, prediction; one row per clip.
        seed: of the random choice.
    """
    ordered = clips.sort_values(["case", "start"], ignore_index=True)
    videos = ordered.groupby("case")
    chosen = {"first": videos["prediction"].first()}
    if all_clips_there(clips):
        counts = videos.size()
        drawn = np.floor(np.random.default_rng(seed).random(len(counts)) * counts).astype(int)
        random = ordered.loc[counts.cumsum() - counts + drawn].set_index("case")["prediction"]
        chosen |= {"one": random, "all": videos["prediction"].mean()}
    return chosen


def ef_rows(prefix: str, by_clips: dict[str, pd.Series], ef: pd.Series, protocol: str, s: Sampling) -> Iterator[Row]:
    """Errors and AUC of EF for each choice of clips; `ef` is the truth by case."""
    for clips, prediction in by_clips.items():
        truth = ef.loc[prediction.index]
        yield from error_rows(f"{prefix}/{clips}", truth, prediction, protocol, s)
        yield from auc_rows(f"{prefix}/{clips}", truth, prediction, protocol)
