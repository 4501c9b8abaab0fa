"""What a network takes on a device: the bytes that live at one time, and the times of calls."""

import torch
from torch import nn

from reprise.training.measuring import WARM_UP, LivingArrays, call_times


def test_memory_counts_what_lives_at_one_time_and_views_once() -> None:
    model = nn.Sequential(nn.Linear(100, 200, bias=False), nn.ReLU(), nn.Linear(200, 10, bias=False)).eval()
    with torch.inference_mode(), LivingArrays(model) as living:
        first = model[0](torch.zeros(5, 100))  # which is freed before the next array is made
        second = model[1](first).view(-1)[:7]
        del first, second
        third = torch.zeros(50)
    weights, arrays = 4 * (100 * 200 + 200 * 10), 4 * 2 * 5 * 200
    assert living.peak == weights + arrays
    assert living.now - weights == third.numel() * 4


def test_calls_that_warm_up_do_not_count() -> None:
    calls: list[int] = []
    times = call_times(lambda: calls.append(1), 3, torch.device("cpu"))
    assert times.shape == (3,) and (times >= 0).all() and len(calls) == WARM_UP + 3
