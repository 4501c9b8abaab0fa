"""Slices and volumes as a network takes them: cut or padded to its size, and scaled."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad


def cut_or_pad(slices: Tensor, size: tuple[int, ...]) -> Tensor:
    """Slices (..., H, W) cut or padded with 0 around their centre to `size`; no value is interpolated.

    A `size` of three is for volumes (..., D, H, W). Brought back to their former size, the slices, or masks of
    them, lie where they lay before; what was cut off is 0.
    """
    return pad(slices, _margins(slices.shape[-len(size) :], size))


def whole_size(shapes: Sequence[tuple[int, ...]], multiple: int) -> tuple[int, int]:
    """The smallest size that cuts nothing off any of the shapes, and whose sides are multiples of `multiple`."""
    height, width = (-(-max(sides) // multiple) * multiple for sides in zip(*shapes, strict=True))
    return height, width


def normalise(slices: Tensor, mean: float, std: float) -> Tensor:
    """Each slice (..., H, W) scaled to 0..1, minus `mean`, divided by `std`; float32. A constant slice becomes 0."""
    values = slices.to(torch.float32)
    low, high = values.amin((-2, -1), keepdim=True), values.amax((-2, -1), keepdim=True)
    varied = high > low
    scaled = (values - low) / torch.where(varied, high - low, 1.0)
    return torch.where(varied, (scaled - mean) / std, 0.0)


def standardise(volume: Tensor) -> Tensor:
    """A volume minus its mean, divided by its standard deviation; float32.

    Voxels of 0 count for neither, and stay 0. A volume without contrast becomes 0.
    """
    values = volume.to(torch.float32)
    inside = values != 0
    brain = values[inside]
    if not len(brain) or brain.min() == brain.max():
        return torch.zeros_like(values)
    return torch.where(inside, (values - brain.mean()) / brain.std(), 0.0)


def _margins(shape: tuple[int, ...], size: tuple[int, ...]) -> list[int]:
    """What to add before and behind each axis, last axis first, as `pad` expects it; negative numbers cut."""
    margins = []
    for length, wanted in zip(reversed(shape), reversed(size), strict=True):
        cut = max(length - wanted, 0) // 2
        added = max(wanted - length, 0) // 2
        first = added - cut
        margins += [first, wanted - length - first]
    return margins
