"""The order of samples in training, and random numbers that depend on the sample alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.training.sampler import batches, integers, uniform


@given(st.integers(1, 200), st.integers(1, 64), st.integers(0, 9), st.integers(0, 9))
def test_an_epoch_shows_each_sample_at_most_once(count: int, size: int, seed: int, epoch: int) -> None:
    parts = list(batches(count, size, seed, epoch))
    seen = np.concatenate(parts)
    assert len(set(seen)) == len(seen) == max(count // size, 1) * min(size, count)
    assert all(np.array_equal(a, b) for a, b in zip(parts, batches(count, size, seed, epoch), strict=True))


@given(st.integers(0, 2**31), st.integers(0, 1000), st.permutations(range(50)))
def test_a_samples_draw_does_not_depend_on_its_batch(seed: int, epoch: int, order: list[int]) -> None:
    samples = np.array(order)
    together = integers(seed, epoch, samples, 1, 24)
    assert all(together[place] == integers(seed, epoch, np.array(order[place]), 1, 24) for place in (0, 17, 49))
    assert together.min() >= 0 and together.max() < 24


def test_draws_are_uniform_and_differ_by_epoch_and_stream() -> None:
    draws = uniform(0, 0, np.arange(100_000), 0)
    assert np.histogram(draws, 10, (0, 1))[0] == pytest.approx(np.full(10, 10_000), rel=0.05)
    for other in (
        uniform(0, 1, np.arange(1000), 0),
        uniform(0, 0, np.arange(1000), 1),
        uniform(1, 0, np.arange(1000), 0),
    ):
        assert abs(np.corrcoef(draws[:1000], other)[0, 1]) < 0.15
