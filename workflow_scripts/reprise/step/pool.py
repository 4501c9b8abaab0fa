"""A function's results over many items, computed by several processes."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def mapped(function: Callable[[Item], Result], items: Iterable[Item], processes: int) -> Iterator[Result]:
    """The results in the order of the items; with one process, everything runs in this one.

    The processes are started afresh: a forked one could inherit a lock of OpenCV or torch that is never released.
    """
    if processes == 1:
        yield from map(function, items)
        return
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        yield from pool.map(function, items)
