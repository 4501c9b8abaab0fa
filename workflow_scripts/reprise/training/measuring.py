"""What a network takes on a device: the memory of all arrays that live at one time, and the time of a call."""

import time
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from reprise.training.timing import synchronise

WARM_UP = 2  # calls before those that count


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


def call_times(call: Callable[[], object], repeats: int, device: torch.device) -> np.ndarray:
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
