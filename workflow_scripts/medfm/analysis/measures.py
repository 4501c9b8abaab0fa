"""Measures of one task with their intervals: of each finding, their mean as it should be, and as published."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from medfm.analysis.ranks import Ranks, ranks, resampled_ranks
from medfm.analysis.results import Scored
from reprise.evaluation.bootstrap import Floats, estimates, interval
from reprise.evaluation.estimates import Estimate, Sampling, without_interval
from reprise.evaluation.reliability import calibration_error, reliability

LEVEL = 0.95
THRESHOLD = 0.5  # a finding is said to be present above it: fixed, never chosen
MEANS = ("map", "auc", "image_accuracy")


class Measured(NamedTuple):
    """Of one task: the means over findings by measure, and one table with a row for each finding."""

    means: dict[str, Estimate]
    findings: list[dict[str, Estimate]]  # in the order of the findings: ap, auc


def sound_means(found: Ranks) -> dict[str, Floats]:
    """mAP and AUC (R,): means over the findings where they are defined; NaN if that is none."""
    return {"map": _mean_of_known(found.ap), "auc": _mean_of_known(found.auc)}


def published_means(found: Ranks) -> dict[str, Floats]:
    """mAP and AUC (R,) as the challenge's code has them, for findings without a positive image.

    Their average precision counts 0. Their AUC is that of the finding before them, once more; NaN if the first finding
    has none, where the published code ends with an error.
    """
    auc = found.auc.copy()
    for finding in range(1, auc.shape[1]):
        auc[:, finding] = np.where(np.isnan(auc[:, finding]), auc[:, finding - 1], auc[:, finding])
    return {"map": np.nan_to_num(found.ap).mean(axis=1), "auc": auc.mean(axis=1)}


def means_of(published: bool, found: Ranks) -> dict[str, Floats]:
    """Means over findings by one of the two conventions."""
    return published_means(found) if published else sound_means(found)


def measured(scored: Scored, sampling: Sampling, published: bool) -> Measured:
    """Measures with 95 % intervals over resamples of groups, such as studies and slides.

    Args:
        scored: of one task.
        sampling: of the intervals.
        published: which convention the means have.
    """
    groups = int(scored.units.max()) + 1
    once = ranks(scored.truth, scored.scores)
    drawn = resampled_ranks(scored.truth, scored.scores, scored.units, *sampling) if groups > 1 else once
    bounds = {name: _interval(values, groups) for name, values in means_of(published, drawn).items()}
    means = {
        name: Estimate(float(value[0]), *bounds[name], groups) for name, value in means_of(published, once).items()
    }
    findings = [
        {
            name: Estimate(float(values[0, place]), *_interval(resampled[:, place], groups), groups)
            for name, values, resampled in (("ap", once.ap, drawn.ap), ("auc", once.auc, drawn.auc))
        }
        for place in range(scored.truth.shape[1])
    ]
    return Measured(means | {"image_accuracy": accuracy(scored, sampling)}, findings)


def plain_means(scored: Scored, published: bool) -> dict[str, float]:
    """The same means without intervals."""
    return means_once(scored.truth, scored.scores, published)


def means_once(truth: np.ndarray, scores: np.ndarray, published: bool) -> dict[str, float]:
    """The means (`MEANS`) of images without intervals; NaN where one is not defined.

    Args:
        truth: (N, findings) of 0 and 1.
        scores: (N, findings) probabilities.
        published: which convention the means have.
    """
    found = {name: float(value[0]) for name, value in means_of(published, ranks(truth, scores)).items()}
    return found | {"image_accuracy": float(((scores > THRESHOLD) == truth).mean())}


def accuracy(scored: Scored, sampling: Sampling) -> Estimate:
    """The share of pairs of an image and a finding that are right at the threshold of 0.5."""
    right = ((scored.scores > THRESHOLD) == scored.truth).sum(axis=1)
    terms = pd.DataFrame({"right": right, "all": scored.truth.shape[1]})

    def share(sums: Floats) -> Mapping[str, Floats]:
        return {"image_accuracy": sums[..., 0] / sums[..., 1]}

    return estimates(terms, share, sampling, LEVEL, pd.Series(scored.units))["image_accuracy"]


def calibration_errors(scored: Scored) -> list[float]:
    """The expected calibration error of each finding's probability."""
    return [
        calibration_error(reliability(scored.scores[:, place], scored.truth[:, place] > 0))
        for place in range(scored.truth.shape[1])
    ]


def classwise_error(scored: Scored) -> Estimate:
    """The mean of the calibration errors over findings (Nixon et al., CVPR Workshops 2019), without an interval."""
    return without_interval(float(np.mean(calibration_errors(scored))), int(scored.units.max()) + 1)


def _mean_of_known(values: Floats) -> Floats:
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, values, 0).sum(axis=1) / known.sum(axis=1)


def _interval(values: Floats, groups: int) -> tuple[float, float]:
    """The interval over resamples; none of a single group."""
    return interval(values, LEVEL) if groups > 1 else (float("nan"), float("nan"))
