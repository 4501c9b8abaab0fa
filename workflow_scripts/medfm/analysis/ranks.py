"""AUC and average precision of many resamples and findings at once, with the values of scikit-learn, ties included.

Scores are sorted once for each finding. A resample is how often each image was drawn, so its ranks need no new sort.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from reprise.evaluation.bootstrap import Floats, drawn_times

BLOCK = 64  # resamples at a time, so that the counts of a thousand images stay in a core's cache


class Ranks(NamedTuple):
    """AUC and average precision, each (R, F) for R resamples and F findings; NaN where undefined.

    AUC needs a positive and a negative image, average precision a positive one.
    """

    auc: Floats
    ap: Floats


def ranks(truth: np.ndarray, scores: np.ndarray) -> Ranks:
    """AUC and average precision (1, F) of each finding over all images, each of them once, see `many_ranks`."""
    return many_ranks(truth, scores, np.ones((1, len(truth)), np.int64))


def many_ranks(truth: np.ndarray, scores: np.ndarray, times: np.ndarray) -> Ranks:
    """AUC and average precision of each finding in each resample.

    AUC: the share of pairs of a positive and a negative image in which the positive one has the higher score; a tie
    counts half. Average precision: the sum of precisions at each score, each times the gain in recall there, without
    interpolation (`average_precision_score` of scikit-learn).

    Args:
        truth: (N, F), 1 where the image has the finding, else 0.
        scores: (N, F), higher for a more likely finding.
        times: (R, N), how often each resample has each image; whole numbers from 0 on.
    """
    drawn = np.ascontiguousarray(times.T, dtype=np.float64)
    columns = [_of_finding(truth[:, f] > 0, scores[:, f], drawn) for f in range(truth.shape[1])]
    auc, ap = (np.stack(each, axis=1) for each in zip(*columns, strict=True))
    return Ranks(auc, ap)


def resampled_ranks(truth: np.ndarray, scores: np.ndarray, units: np.ndarray, resamples: int, seed: int) -> Ranks:
    """`many_ranks` over resamples of units with replacement, such as studies; the images of a unit are drawn together.

    Args:
        truth: (N, F).
        scores: (N, F).
        units: (N,), the number of each image's unit, from 0 on without a gap.
        resamples: how many.
        seed: of the draws, which are those of `resampled_sums`.
    """
    blocks = [many_ranks(truth, scores, times) for times in image_times(units, resamples, seed)]
    auc, ap = (np.concatenate(each) for each in zip(*blocks, strict=True))
    return Ranks(auc, ap)


def image_times(units: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each image (rows, N) is in each resample of its unit, block by block."""
    for times in drawn_times(int(units.max()) + 1, resamples, seed, BLOCK):
        yield times[:, units]


def _of_finding(positive: np.ndarray, scores: np.ndarray, drawn: Floats) -> tuple[Floats, Floats]:
    """AUC and average precision (R,) of one finding; `drawn` is (N, R)."""
    count = drawn.shape[1]
    if not positive.any():
        return np.full(count, np.nan), np.full(count, np.nan)
    order = np.argsort(-scores, kind="stable")
    positive, scores = positive[order], scores[order]
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))  # of each run of equal scores
    run = np.searchsorted(last, np.flatnonzero(positive))
    first_image = np.concatenate([[0], last[:-1] + 1])
    runs, start = np.unique(run, return_index=True)  # runs with a positive, and their first positive
    before, up_to = np.split(_sums_before(drawn[order], np.append(first_image[runs], last[runs] + 1)), 2)
    inside = np.add.reduceat(drawn[order[positive]], start, axis=0)
    return _areas(before, up_to, inside, drawn.sum(axis=0))


def _sums_before(drawn: Floats, edges: np.ndarray) -> Floats:
    """Sums (E, R) of the rows before each edge (E,), in any order."""
    bounds, place = np.unique(np.append(0, edges), return_inverse=True)
    pieces = np.add.reduceat(drawn[: bounds[-1]], bounds[:-1], axis=0)
    return np.concatenate([np.zeros((1, drawn.shape[1])), np.cumsum(pieces, axis=0)])[place[1:]]


def _areas(before: Floats, up_to: Floats, inside: Floats, total: Floats) -> tuple[Floats, Floats]:
    """Both areas (R,) from the runs of equal scores that hold a positive, highest score first.

    Args:
        before: (K, R), images before each run.
        up_to: (K, R), images up to its end.
        inside: (K, R), positives in it.
        total: (R,), all images.
    """
    true = np.cumsum(inside, axis=0)
    positives = true[-1]
    negatives = total - positives
    tied = up_to - before - inside
    below = negatives - (up_to - true)
    with np.errstate(invalid="ignore", divide="ignore"):
        auc = (inside * (below + tied / 2)).sum(axis=0) / (positives * negatives)
        precision = np.where(up_to > 0, true / up_to, 0)
        ap = (precision * inside).sum(axis=0) / positives
    return auc, ap
