"""Measures of overlap, regression and ranking against definitions and brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from echonet.analysis.auc import auc
from echonet.analysis.overlap import dice, pooled_dice
from reprise.evaluation.regression import errors, mae, r2, r2_pearson, rmse

scores = st.integers(0, 12)
samples = st.tuples(st.lists(scores, min_size=2, max_size=25), st.lists(scores, min_size=2, max_size=25))


def test_dice_of_an_image_and_of_many_pooled():
    first, second = np.zeros((2, 10, 10), bool), np.zeros((2, 10, 10), bool)
    first[0, :5], second[0, 2:7], first[1, 0, :2], second[1, 0, 1:3] = True, True, True, True
    inner = [int((a & b).sum()) for a, b in zip(first, second, strict=True)]
    outer = [int((a | b).sum()) for a, b in zip(first, second, strict=True)]
    assert dice(inner, outer).tolist() == [0.6, 0.5]
    assert pooled_dice(inner, outer) == pytest.approx(2 * (30 + 1) / (100 + 4))
    assert np.isnan(dice(0, 0)) and np.isnan(pooled_dice([], []))
    assert pooled_dice([0, 30], [0, 70]) == 0.6


def test_errors_of_a_known_answer():
    truth, prediction = [10.0, 20, 30, 40], [12.0, 18, 33, 41]
    assert mae(truth, prediction) == 2
    assert rmse(truth, prediction) == pytest.approx(np.sqrt(18 / 4))
    assert r2(truth, prediction) == pytest.approx(1 - 18 / 500)
    assert r2_pearson(truth, prediction) == pytest.approx(stats.pearsonr(truth, prediction).statistic ** 2)


def test_only_one_of_the_two_r2_forgives_scale_and_offset():
    truth = np.random.default_rng(0).normal(55, 12, 50)
    assert r2_pearson(truth, 3 - 0.1 * truth) == pytest.approx(1)
    assert r2(truth, 3 - 0.1 * truth) < 0
    assert r2(truth, np.full(50, truth.mean())) == pytest.approx(0)


@pytest.mark.parametrize(("truth", "prediction"), [([], []), ([50.0], [48.0]), ([50.0, 50.0], [48.0, 49.0])])
def test_what_is_undefined_is_nan(truth, prediction):
    found = errors(truth, prediction)
    assert np.isnan(found["r2"]) and np.isnan(found["r2_pearson"])
    assert np.isnan(found["mae"]) == (not truth)


@given(samples)
@settings(deadline=None)
def test_auc_and_its_variance_are_those_of_counting_every_pair(sample):
    positive, negative = (np.array(side, float) for side in sample)
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    label = np.repeat([True, False], [len(positive), len(negative)])
    found = auc(label, np.concatenate([positive, negative]), 0.95)
    assert found.value == pytest.approx(wins.mean())
    # DeLong's structural components: a positive's mean over negatives, and the reverse.
    variance = wins.mean(axis=1).var(ddof=1) / len(positive) + wins.mean(axis=0).var(ddof=1) / len(negative)
    half = 1.959963984540054 * np.sqrt(variance)
    assert found.low == pytest.approx(max(wins.mean() - half, 0))
    assert found.high == pytest.approx(min(wins.mean() + half, 1))


def test_delong_agrees_with_a_bootstrap():
    generator = np.random.default_rng(0)
    label = generator.random(400) < 0.3
    score = generator.normal(0, 1, 400) + label
    drawn = (generator.integers(400, size=400) for _ in range(1000))
    low, high = np.quantile([auc(label[index], score[index], 0.9).value for index in drawn], [0.05, 0.95])
    found = auc(label, score, 0.90)
    assert (found.low, found.high) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))


def test_an_absent_class_has_no_auc_and_a_single_member_no_interval():
    for label in ([True, True], [False, False], []):
        assert np.isnan(auc(label, np.arange(len(label)), 0.95)).all()
    assert auc([True, False, False], [3, 1, 2], 0.95).value == 1
    assert np.isnan(auc([True, False, False], [3, 1, 2], 0.95).low)
