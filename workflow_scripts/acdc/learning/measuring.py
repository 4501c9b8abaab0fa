"""What a network costs on a device: parameters, multiply-adds, memory, and the time for a slice and for a patient."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.distributed._tools.mem_tracker import MemTracker
from torch.utils.flop_counter import FlopCounterMode

from acdc.learning.prediction import probabilities_of
from reprise.training.timing import synchronise

WARM_UP = 2  # calls before those that count


class Stack(NamedTuple):
    """Slices (N, H, W) of one phase of a patient, and their spacing in mm (slice, row, column)."""

    slices: np.ndarray
    spacing_mm: tuple[float, float, float]


class Measured(NamedTuple):
    """The cost of a network; times in ms, one for each repeat."""

    parameters: int
    multiply_adds: int  # for a slice, averaged over the slices of a patient
    peak_mb: float  # of weights and all arrays that live at one time, for a patient
    slice_ms: np.ndarray
    patient_ms: np.ndarray


def measure(
    model: nn.Module, info: dict[str, Any], patient: Sequence[Stack], repeats: int, device: torch.device, flips: bool
) -> Measured:
    """Measure what prediction takes, from slices on their own grid to probabilities on it.

    Args:
        model: in evaluation mode, on the device.
        info: what its file of weights says.
        patient: both phases of a patient.
        repeats: how many calls are timed.
        device: where the network is.
        flips: whether each slice is also predicted mirrored.
    """
    middle = [Stack(patient[0].slices[len(patient[0].slices) // 2][None], patient[0].spacing_mm)]

    def predict(stacks: Sequence[Stack]) -> Callable[[], None]:
        def call() -> None:
            for stack in stacks:
                probabilities_of(model, info, stack.slices, stack.spacing_mm, device, flips)

        return call

    with FlopCounterMode(display=False) as flops:
        predict(patient)()
    tracker = MemTracker()
    tracker.track_external(model)
    with tracker:
        predict(patient)()
    peak = tracker.get_tracker_snapshot("peak")
    return Measured(
        sum(parameter.numel() for parameter in model.parameters()),
        round(flops.get_total_flops() / 2 / sum(len(stack.slices) for stack in patient)),
        max(of_device["Total"] for of_device in peak.values()) / 2**20,
        _timed(predict(middle), repeats, device),
        _timed(predict(patient), repeats, device),
    )


def _timed(call: Callable[[], None], repeats: int, device: torch.device) -> np.ndarray:
    """Milliseconds of each of the calls, after some that warm up."""
    times = []
    for number in range(WARM_UP + repeats):
        synchronise(device)
        began = time.perf_counter()
        call()
        synchronise(device)
        if number >= WARM_UP:
            times.append(1000 * (time.perf_counter() - began))
    return np.array(times)
