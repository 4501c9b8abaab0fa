"""Windows of slices, and segmenting their centres against the plain way: all three slices of each window."""

import numpy as np
import pytest
import torch

from fc_densenet_reference import settled
from mslesion.learning.fc_densenet import VARIANTS, fc_densenet
from mslesion.learning.window_logits import centre_logits, window_logits
from mslesion.learning.windows import list_windows, scan_windows


def test_windows_of_a_list_cross_scans_and_leave_the_ends_out():
    assert list_windows([3, 4, 9, 10]).tolist() == [[3, 4, 9], [4, 9, 10]]
    assert list_windows([3, 4]).shape == list_windows([]).shape == (0, 3)


def test_windows_of_scans_stay_inside_and_repeat_the_ends():
    assert scan_windows([3, 1, 2]).tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 2], [3, 3, 3], [4, 4, 5], [4, 5, 5]]
    assert scan_windows([]).shape == (0, 3)


@pytest.fixture(scope="module")
def slices():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(9, 1, 32, 64, generator=generator).double()


@pytest.fixture(scope="module", params=list(VARIANTS), ids=lambda word: word or "all")
def model(request):
    torch.manual_seed(1)
    return settled(fc_densenet(f"fc_densenet57_{request.param}".rstrip("_"), 0.25)).double()


@pytest.mark.parametrize("windows", [list_windows([8, 0, 1, 2, 5, 7]), scan_windows([4, 5]), scan_windows([2])[::-1]])
@pytest.mark.parametrize("at_a_time", [1, 4, 16])
def test_masks_are_those_of_evaluating_every_window_whole(model, slices, windows, at_a_time):
    plain = torch.cat([model(slices[window][None])[:, 1] for window in windows])
    parts = [windows[first : first + at_a_time] for first in range(0, len(windows), at_a_time)]
    found = torch.cat([centre_logits(model, slices[:, 0], part) for part in parts])
    assert torch.allclose(found, plain, rtol=0, atol=1e-9)
    assert torch.equal(found.argmax(dim=1), plain.argmax(dim=1)) and 0 < plain.argmax(dim=1).sum() < plain[:, 0].numel()


def test_each_slice_is_fetched_once_and_only_if_it_matters(model, slices):
    fetched = []

    def take(index):
        fetched.extend(index.tolist())
        return slices[index]

    window_logits(model, take, list_windows(np.arange(2, 8)))
    last = {0: 6, 1: 6, 2: 7}[model.directions]
    assert fetched == list(range(2 if model.directions else 3, last + 1))
