"""Loading batches ahead: a GPU gets the next batch while it computes the last one."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import TypeVar

import torch

Item = TypeVar("Item")
Batch = TypeVar("Batch")


def ahead(load: Callable[[Item], Batch], items: Iterable[Item], device: torch.device) -> Iterator[Batch]:
    """What `load` gives for each item, in order; on a GPU one item ahead, on a stream of its own.

    The caller computes on the current stream. Each load waits for all that was asked of that stream before, so that
    memory of a batch that is done may be used again.
    """
    if device.type != "cuda":
        yield from map(load, items)
        return
    own, compute = _own_stream(device), torch.cuda.current_stream(device)
    waiting: list[tuple[Batch, torch.cuda.Event]] = []
    for item in items:
        own.wait_stream(compute)
        with torch.cuda.stream(own):
            waiting.append((load(item), own.record_event()))
        if len(waiting) == 2:
            yield _arrived(compute, *waiting.pop(0))
    for batch, loaded in waiting:
        yield _arrived(compute, batch, loaded)


@cache
def _own_stream(device: torch.device) -> torch.cuda.Stream:
    """The same for all epochs, because PyTorch keeps freed memory for the stream that it was used on."""
    return torch.cuda.Stream(device)


def _arrived(compute: torch.cuda.Stream, batch: Batch, loaded: torch.cuda.Event) -> Batch:
    """The batch, for work on the stream `compute` from now on."""
    compute.wait_event(loaded)
    return batch
