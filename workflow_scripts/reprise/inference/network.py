"""Running a trained network over many inputs: precision, and batches that fit the memory."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from reprise.step.command import say
from reprise.step.errors import InputError

ON_A_GPU = 4  # times as many inputs at once


def in_batches(count: int, size: int, compute: Callable[[slice], Tensor], device: torch.device) -> Iterator[Tensor]:
    """Results of `compute` for consecutive slices of `count` inputs, on the host, in order.

    The first slices hold `size` inputs, on a GPU four times as many; when the GPU's memory is too small, this number is
    halved. The GPU computes the next slice while the caller uses the last.

    Raises:
        InputError: the GPU's memory is too small for a single input.
    """
    waiting = None
    for result in on_device_in_batches(count, size, compute, device):
        if waiting is not None:
            yield waiting.cpu()
        waiting = result
    if waiting is not None:
        yield waiting.cpu()


def on_device_in_batches(
    count: int, size: int, compute: Callable[[slice], Tensor], device: torch.device
) -> Iterator[Tensor]:
    """The same results, left where they were computed; nothing waits for the GPU here.

    Raises:
        InputError: see `in_batches`.
    """
    start, size = 0, size * (ON_A_GPU if device.type == "cuda" else 1)
    while start < count:
        chunk = slice(start, min(start + size, count))
        result = _attempt(compute, chunk, device)
        if result is None:
            size = max(1, (chunk.stop - start) // 2)
            continue
        start = chunk.stop
        yield result


def _attempt(compute: Callable[[slice], Tensor], chunk: slice, device: torch.device) -> Tensor | None:
    """The result for a slice, or None if the GPU's memory was too small for it."""
    size = chunk.stop - chunk.start
    try:
        with torch.inference_mode():
            return compute(chunk)
    except torch.cuda.OutOfMemoryError as error:
        if size == 1:
            free = torch.cuda.mem_get_info(device)[0] >> 20
            message = f"the GPU's memory ({free} MB free) is too small for one input; set device: cpu in config.yaml"
            raise InputError(message) from error
    torch.cuda.empty_cache()
    say(f"the GPU's memory is too small for {size} inputs at a time; going on with half as many")
    return None
