"""The vectorised bootstrap against a plain loop that calls the metrics on every resample."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echonet.analysis.overlap import dice, pooled_dice
from reprise.evaluation import bootstrap
from reprise.evaluation.bootstrap import estimates, interval, mean_terms, means_from_sums, resampled_sums
from reprise.evaluation.estimates import Sampling
from reprise.evaluation.regression import NAMES, error_terms, errors, errors_from_sums


def plain_loop(function, arrays, resamples, seed):
    """The plain form: draw cases, then compute the metric of these cases."""
    generator = np.random.default_rng(seed)
    drawn = (generator.integers(len(arrays[0]), size=len(arrays[0])) for _ in range(resamples))
    return [function(*(array[index] for array in arrays)) for index in drawn]


@pytest.mark.parametrize("seed", [0, 7])
def test_errors_are_those_of_the_plain_loop_for_the_same_seed(seed):
    generator = np.random.default_rng(1)
    truth = generator.normal(55, 12, 137)
    prediction = truth + generator.normal(1, 5, 137)
    expected = plain_loop(errors, (truth, prediction), 300, seed)
    found = errors_from_sums(resampled_sums(error_terms(truth, prediction), 300, seed))
    for name in NAMES:
        np.testing.assert_allclose(found[name], [values[name] for values in expected], rtol=1e-11)


def test_pooled_dice_is_that_of_the_plain_loop_and_so_are_videos_drawn_with_their_images_together():
    intersection, union = np.random.default_rng(2).integers(1, 2000, (2, 90, 2)).cumsum(axis=0)
    expected = plain_loop(pooled_dice, (intersection, union), 200, 3)
    together = resampled_sums(np.stack([intersection.sum(axis=1), union.sum(axis=1)], axis=1), 200, 3)
    np.testing.assert_allclose(dice(together[:, 0], together[:, 1]), expected, rtol=1e-12)


@given(st.integers(1, 40), st.integers(1, 50), st.integers(1, 2000), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_blocks_change_nothing(n, resamples, block_bytes, seed):
    terms = np.random.default_rng(0).integers(0, 1000, (n, 2)).astype(float)
    whole = resampled_sums(terms, resamples, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "BLOCK_BYTES", block_bytes)
        np.testing.assert_array_equal(resampled_sums(terms, resamples, seed), whole)


def test_the_interval_takes_the_published_places():
    values = np.random.default_rng(0).permutation(10_000)
    assert interval(values, 0.90) == (500, 9500)
    assert interval(values, 0.95) == (250, 9750)
    assert interval([3.0], 0.95) == (3, 3)
    assert interval([np.nan, 1, 2], 0.9) == (1, 2)
    for nothing in ([], [np.nan, np.nan]):
        assert np.isnan(interval(nothing, 0.9)).all()


def test_no_cases_or_a_constant_truth_have_no_r2_rather_than_a_wrong_one():
    assert resampled_sums(np.empty((0, 3)), 5, 0).tolist() == [[0] * 3] * 5
    found = errors_from_sums(resampled_sums(error_terms([50.0, 50.0], [48.0, 53.0]), 20, 0))
    assert np.isnan(found["r2"]).all() and np.isnan(found["r2_pearson"]).all()
    assert set(found["mae"]) == {2, 2.5, 3}


def test_the_interval_covers_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(5)
    samples = generator.exponential(1, (200, 80))
    hits = 0
    for sample in samples:
        low, high = interval(resampled_sums(sample[:, None], 1000, 0)[:, 0] / 80, 0.90)
        hits += low <= 1 <= high
    assert 165 <= hits <= 192


def test_means_of_a_table_with_gaps_are_those_of_the_plain_loop_with_a_patients_cases_together():
    generator = np.random.default_rng(4)
    table = pd.DataFrame(generator.normal(size=(30, 2)), columns=["dice", "ppv"])
    table.loc[::4, "ppv"] = np.nan
    patient = pd.Series(generator.integers(9, size=30))
    found = estimates(
        mean_terms(table), lambda sums: means_from_sums(["dice", "ppv"], sums), Sampling(200, 1), 0.9, patient
    )
    groups = [table[patient == name] for name in patient.unique()]
    drawn = np.random.default_rng(1)
    loop = [pd.concat([groups[i] for i in drawn.integers(len(groups), size=len(groups))]).mean() for _ in range(200)]
    for name, estimate in found.items():
        assert estimate.value == pytest.approx(table[name].mean()) and estimate.n == len(groups)
        assert (estimate.low, estimate.high) == pytest.approx(interval([means[name] for means in loop], 0.9))


@pytest.mark.parametrize("units", [0, 1])
def test_fewer_than_two_units_have_no_interval(units):
    table = pd.DataFrame({"dice": [0.5, 0.7][: 2 * units]})
    unit = pd.Series(["A"] * len(table), dtype=object)
    found = estimates(mean_terms(table), lambda sums: means_from_sums(["dice"], sums), Sampling(9, 0), 0.9, unit)
    value, low, high, n = found["dice"]
    assert (value, n) == (pytest.approx(0.6 if units else np.nan, nan_ok=True), units) and np.isnan([low, high]).all()
