"""Whole volumes from windows: exact for the identity, blended by a Gaussian, in bounded memory."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iseg.learning.stitching import LEAST_WEIGHT, SIGMA, starts_of, stitched
from reprise.training.measuring import LivingArrays

SIDES = st.tuples(*[st.integers(1, 9)] * 3)


def whole(predict: Any, volume: torch.Tensor, window: Any, overlap: float) -> torch.Tensor:
    return torch.cat(list(stitched(predict, volume, window, overlap)), dim=1)


@settings(max_examples=120, deadline=None)
@given(
    shape=SIDES,
    window=st.tuples(*[st.integers(1, 7)] * 3),
    overlap=st.floats(0, 0.95),
    modalities=st.integers(1, 3),
    classes=st.integers(1, 5),
    blank=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_identity_gives_the_volume_back_to_the_bit(
    shape: tuple[int, ...],
    window: tuple[int, ...],
    overlap: float,
    modalities: int,
    classes: int,
    blank: float,
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    values = np.exp(random.normal(0, 9, (modalities, *shape))) * random.choice([-1, 1], (modalities, *shape))
    values[:, : round(blank * shape[0])] = 0  # so that some windows have no contrast
    volume = torch.from_numpy(values.astype(np.float32))
    channels = [number % modalities for number in range(classes)]
    found = whole(lambda windows: windows[:, channels], volume, window, overlap)
    assert found.dtype == torch.float32 and torch.equal(found, volume[channels])


@settings(max_examples=40, deadline=None)
@given(length=st.integers(1, 400), side=st.integers(1, 64), overlap=st.floats(0, 0.9))
def test_windows_reach_from_end_to_end_and_overlap_as_asked(length: int, side: int, overlap: float) -> None:
    length = max(length, side)
    starts = starts_of(length, side, overlap)
    assert starts[0] == 0 and starts[-1] == length - side
    assert all(0 < apart <= max(1, side * (1 - overlap)) for apart in np.diff(starts))


def test_windows_are_blended_by_a_gaussian() -> None:
    torch.manual_seed(0)
    volume, window = torch.randn(2, 13, 9, 8), (6, 4, 8)

    def predict(windows: torch.Tensor) -> torch.Tensor:  # depends on where a window lies
        return torch.cat([windows - windows.mean(dim=(2, 3, 4), keepdim=True), windows.cumsum(dim=2)], dim=1)

    bells = [np.exp(-(((np.arange(n) - (n - 1) / 2) / (SIGMA * n)) ** 2) / 2).clip(LEAST_WEIGHT) for n in window]
    weight = bells[0][:, None, None] * bells[1][:, None] * bells[2]
    total, weights = np.zeros((4, 13, 9, 8)), np.zeros((13, 9, 8))
    for x in (0, 2, 5, 7):
        for y in (0, 2, 3, 5):
            box = slice(x, x + 6), slice(y, y + 4)
            total[:, *box] += weight * predict(volume[None, :, *box])[0].numpy()
            weights[box] += weight
    assert starts_of(13, 6, 0.5) == [0, 2, 5, 7] and starts_of(9, 4, 0.5) == [0, 2, 3, 5]
    np.testing.assert_allclose(whole(predict, volume, window, 0.5), total / weights, rtol=1e-5, atol=1e-6)


def test_windows_go_in_batches_and_one_without_contrast_stands_for_all() -> None:
    volume, sizes = torch.zeros(2, 24, 8, 8), list[int]()
    volume[:, 8:16] = torch.randn(2, 8, 8, 8)
    volume[1, 20:] = 3.0  # another constant

    def predict(windows: torch.Tensor) -> torch.Tensor:
        sizes.append(len(windows))
        return windows + 1

    assert torch.equal(whole(predict, volume, (4, 4, 4), 0), volume + 1)
    # Six layers of four windows: one for the first layers of 0, two with contrast, one for the constant.
    assert sum(sizes) == 1 + 4 + 4 + 1 and max(sizes) > 1


@pytest.mark.parametrize("length", [16, 160])
def test_memory_holds_a_layer_of_windows_not_the_volume(length: int) -> None:
    volume, predicted = torch.randn(1, length, 16, 16), list[int]()
    there = torch.nn.Module()
    there.register_buffer("volume", volume)

    def predict(windows: torch.Tensor) -> torch.Tensor:
        predicted.append(len(windows))
        return windows.repeat(1, 4, 1, 1, 1)

    with LivingArrays(there) as living:
        slabs = stitched(predict, volume, (8, 8, 8), 0.5)
        first = next(slabs)
        assert sum(predicted) == 9, "the first slab comes before the second layer is predicted"
        assert first.shape == (4, 4, 16, 16) and sum(slab.shape[1] for slab in slabs) == length - 4
    layer = 4 * 8 * 16 * 16 * 8  # float64
    assert living.peak - volume.nbytes <= 5 * layer, "of all arrays that live at one time"
    assert length == 16 or 4 * volume.nbytes == 10 * layer, "the whole result would take twice as much"
