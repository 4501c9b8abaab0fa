"""What a network costs on a device: parameters, multiply-adds, memory, and the time for a slice and for a patient."""

import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
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
    with LivingArrays(model) as living:
        predict(patient)()
    return Measured(
        sum(parameter.numel() for parameter in model.parameters()),
        round(flops.get_total_flops() / 2 / sum(len(stack.slices) for stack in patient)),
        living.peak / 2**20,
        _timed(predict(middle), repeats, device),
        _timed(predict(patient), repeats, device),
    )


class LivingArrays(TorchDispatchMode):
    """Counts the bytes of all arrays that live at one time while it is entered, from a network's weights on.

    It sees what PyTorch returns from each operation, on any device. What an operation uses inside does not count.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.known: set[int] = set()
        for array in (*model.parameters(), *model.buffers()):
            self.add(array)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do the operation, and count what it made."""
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, torch.Tensor):
                self.add(leaf)
        return made

    def add(self, array: torch.Tensor) -> None:
        """Count an array until it is freed; a view of one that is counted adds nothing."""
        storage = array.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key not in self.known:
            self.known.add(key)
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self.drop, key, size)

    def drop(self, key: int, size: int) -> None:
        """An array was freed."""
        self.known.discard(key)
        self.now -= size


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
