"""What a network costs on a device: parameters, multiply-adds, memory, and the time for a slice and for a patient."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from acdc.learning.prediction import probabilities_of
from reprise.training.measuring import LivingArrays, call_times


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
    with LivingArrays(model) as living:
        predict(patient)()
    return Measured(
        sum(parameter.numel() for parameter in model.parameters()),
        round(flops.get_total_flops() / 2 / sum(len(stack.slices) for stack in patient)),
        living.peak / 2**20,
        call_times(predict(middle), repeats, device),
        call_times(predict(patient), repeats, device),
    )
