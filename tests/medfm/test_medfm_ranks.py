"""AUC and average precision of many resamples at once are those of scikit-learn, resample by resample."""

import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from medfm.analysis.ranks import image_times, many_ranks, ranks, resampled_ranks
from reprise.evaluation.bootstrap import resampled_sums

TOLERANCE = 1e-12


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth and scores (N, F) with many ties, and how often each of R resamples has each image (R, N)."""
    count, findings, resamples = draw(st.integers(1, 9)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    truth = draw(arrays(np.uint8, (count, findings), elements=st.integers(0, 1)))
    few = st.sampled_from([0.0, 0.25, 0.5, 1.0])
    scores = draw(
        arrays(np.float32, (count, findings), elements=draw(st.sampled_from([few, st.floats(0, 1, width=32)])))
    )
    return truth, scores, draw(arrays(np.int64, (resamples, count), elements=st.integers(0, 3)))


def one_by_one(truth: np.ndarray, scores: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same by scikit-learn: the drawn images of each resample, repeated."""
    found = np.full((2, len(times), truth.shape[1]), np.nan)
    for row, drawn in enumerate(times):
        images = np.repeat(np.arange(len(truth)), drawn)
        for finding in range(truth.shape[1]):
            labels, values = truth[images, finding], scores[images, finding]
            if labels.any() and not labels.all():
                found[0, row, finding] = roc_auc_score(labels, values)
            if labels.any():
                found[1, row, finding] = average_precision_score(labels, values)
    return found[0], found[1]


@example((np.uint8([[1], [0]]), np.float32([[0.5], [0.5]]), np.array([[1, 1], [0, 2], [2, 0], [0, 0]])))
@given(answers())
@settings(max_examples=150, deadline=None)
def test_values_are_those_of_scikit_learn_with_ties_and_repeated_images(example) -> None:
    found, expected = many_ranks(*example), one_by_one(*example)
    for ours, theirs in zip(found, expected, strict=True):
        assert np.allclose(ours, theirs, rtol=0, atol=TOLERANCE, equal_nan=True)


def test_resamples_of_studies_keep_their_images_together_and_are_the_draws_of_the_other_studies() -> None:
    random = np.random.default_rng(1)
    units = np.array([0, 1, 1, 2, 2, 2])
    blocks = list(image_times(units, 130, 5))
    times = np.concatenate(blocks)
    assert len(blocks) > 1 and (times[:, 1] == times[:, 2]).all() and (times[:, 3] == times[:, 5]).all()
    assert (times[:, [0, 1, 3]].sum(axis=1) == 3).all(), "as many units as there are"
    assert np.array_equal(times[:, [0, 1, 3]], resampled_sums(np.eye(3), 130, 5)), "whatever the size of blocks"
    truth, scores = random.integers(0, 2, (6, 2)), random.random((6, 2))
    found = resampled_ranks(truth, scores, units, 130, 5)
    for ours, theirs in zip(found, one_by_one(truth, scores, times), strict=True):
        assert np.allclose(ours, theirs, rtol=0, atol=TOLERANCE, equal_nan=True)


def test_without_a_positive_nothing_is_defined_and_nothing_warns() -> None:
    truth = np.array([[0, 1], [0, 1]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ranks(truth, np.array([[0.1, 0.2], [0.3, 0.4]]))
    assert np.isnan(found.auc).all() and np.isnan(found.ap[0, 0])
    assert found.ap[0, 1] == pytest.approx(1.0), "all images are positive: each precision is 1"
