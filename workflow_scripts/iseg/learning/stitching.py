"""Whole volumes from overlapping windows, weighed by a Gaussian: exact, and in bounded memory.

The weights of a voxel add up to 1, and sums have 64 bits, so a network that gives back its input gives the volume back
to the bit. Windows lie in layers along the first axis. What no later layer touches is given out at once, so memory
holds one layer of results, not the volume's.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from reprise.inference.network import on_device_in_batches

WINDOWS_AT_A_TIME = 2
SIGMA = 1 / 8  # of the Gaussian, in sides of a window, as in nnU-Net
LEAST_WEIGHT = 1e-3  # beside 1 at the centre, so that no corner is left out


def stitched(
    predict: Callable[[Tensor], Tensor], volume: Tensor, window: Sequence[int], overlap: float
) -> Iterator[Tensor]:
    """Results (classes, x, Y, Z) float32 of a volume (C, X, Y, Z), slab by slab along X, on the volume's device.

    Windows without any contrast look alike, so only the first of them is predicted.

    Args:
        predict: maps windows (B, C, *window) to (B, classes, *window).
        volume: normalised. One smaller than a window is continued by its last voxels.
        window: sides in voxels.
        overlap: the share of a window's side that it has in common with the next one, below 1.

    Raises:
        InputError: the GPU's memory is too small for a single window.
    """
    shape = volume.shape[1:]
    missing = [max(0, side - length) for side, length in zip(window, shape, strict=True)]
    if any(missing):
        volume = pad(volume[None], [n for more in reversed(missing) for n in (0, more)], mode="replicate")[0]
    starts = [starts_of(length, side, overlap) for length, side in zip(volume.shape[1:], window, strict=True)]
    weights = [
        axis_weights(length, side, first, volume.device)
        for length, side, first in zip(volume.shape[1:], window, starts, strict=True)
    ]
    sums, blank = torch.empty(0), dict[tuple[float, ...], Tensor]()
    for layer, first in enumerate(starts[0]):
        end = starts[0][layer + 1] if layer + 1 < len(starts[0]) else shape[0]
        corners = [(first, *rest) for rest in product(*starts[1:])]
        at = product([layer], range(len(starts[1])), range(len(starts[2])))
        for (_, y, z), numbers, result in zip(
            corners, at, _results(predict, volume, corners, window, blank), strict=True
        ):
            if not len(sums):
                sums = result.new_zeros(len(result), window[0], *volume.shape[2:], dtype=torch.float64)
            along = [weights[axis][number] for axis, number in enumerate(numbers)]
            weighted = result * along[0][:, None, None] * (along[1][:, None] * along[2])
            sums[:, :, y : y + window[1], z : z + window[2]] += weighted
        yield sums[:, : end - first, : shape[1], : shape[2]].float()
        sums = torch.cat([sums[:, end - first :], torch.zeros_like(sums[:, : end - first])], dim=1)


def starts_of(length: int, side: int, overlap: float) -> list[int]:
    """The first voxels of windows along an axis: evenly spaced, from its beginning to its end."""
    step = max(1, int(side * (1 - overlap)))
    count = -(-(length - side) // step) + 1
    return [round(first) for first in np.linspace(0, length - side, count)]


def axis_weights(length: int, side: int, starts: Sequence[int], device: torch.device) -> Tensor:
    """The weights (windows, side) float64 of windows along an axis; those of a voxel add up to 1."""
    apart = (np.arange(side) - (side - 1) / 2) / (SIGMA * side)
    bell = np.maximum(np.exp(-apart * apart / 2), LEAST_WEIGHT)
    total = np.zeros(length)
    for first in starts:
        total[first : first + side] += bell
    return torch.from_numpy(np.stack([bell / total[first : first + side] for first in starts])).to(device)


def _results(
    predict: Callable[[Tensor], Tensor],
    volume: Tensor,
    corners: Sequence[tuple[int, ...]],
    window: Sequence[int],
    blank: dict[tuple[float, ...], Tensor],
) -> Iterator[Tensor]:
    """The result (classes, *window) float64 of each window in order; `blank` keeps those without contrast."""
    boxes = [tuple(slice(at, at + side) for at, side in zip(corner, window, strict=True)) for corner in corners]
    values = _constant(volume, boxes)
    first = {value: number for number, value in reversed([*enumerate(values)]) if value not in blank}
    needed = [number for number, value in enumerate(values) if value is None or first.get(value) == number]

    def compute(chunk: slice) -> Tensor:
        return predict(torch.stack([volume[(slice(None), *boxes[number])] for number in needed[chunk]]))

    found = (
        result
        for batch in on_device_in_batches(len(needed), WINDOWS_AT_A_TIME, compute, volume.device)
        for result in batch
    )
    for value in values:
        if value is None or value not in blank:
            result = next(found).double()
            if value is not None:
                blank[value] = result
        yield result if value is None else blank[value]


def _constant(volume: Tensor, boxes: Sequence[tuple[slice, ...]]) -> list[tuple[float, ...] | None]:
    """The value of each channel in each box, None for a box where a channel has several."""
    ends = torch.stack([torch.stack(volume[(slice(None), *box)].flatten(1).aminmax(dim=1)) for box in boxes])
    return [tuple(low) if low == high else None for low, high in ends.tolist()]
