"""Slices and volumes as a network takes them: cut or padded to its size, their values on one scale."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad


def fit(slices: Tensor, size: tuple[int, ...]) -> Tensor:
    """Slices (..., H, W) cut or padded with 0 around their centre to `size`; no value is interpolated.

    A `size` of three fits volumes (..., D, H, W).
    """
    return pad(slices, _margins(slices.shape[-len(size) :], size))


def undo_fit(slices: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Slices (..., h, w) that `fit` made, or masks of them, back on their grid of `shape`; 0 where it was cut off."""
    return pad(slices, [-margin for margin in _margins(shape, slices.shape[-2:])])


def whole_size(shapes: Sequence[tuple[int, ...]], multiple: int) -> tuple[int, int]:
    """The smallest size of which both sides are a multiple of `multiple`, and that cuts nothing off any shape."""
    height, width = (-(-max(sides) // multiple) * multiple for sides in zip(*shapes, strict=True))
    return height, width


def normalise(slices: Tensor, mean: float, std: float) -> Tensor:
    """Each slice (..., H, W) scaled to 0..1, less `mean`, over `std`; float32. A constant slice becomes 0."""
    values = slices.to(torch.float32)
    low, high = values.amin((-2, -1), keepdim=True), values.amax((-2, -1), keepdim=True)
    varied = high > low
    scaled = (values - low) / torch.where(varied, high - low, 1.0)
    return torch.where(varied, (scaled - mean) / std, 0.0)


def standardise(volume: Tensor) -> Tensor:
    """A volume less its mean, over its standard deviation, both of the voxels that are not 0, which stay 0; float32.

    A volume without contrast becomes 0.
    """
    values = volume.to(torch.float32)
    inside = values != 0
    brain = values[inside]
    if not len(brain) or brain.min() == brain.max():
        return torch.zeros_like(values)
    return torch.where(inside, (values - brain.mean()) / brain.std(), 0.0)


def _margins(shape: tuple[int, ...], size: tuple[int, ...]) -> list[int]:
    """What to add before and behind, last axis first, as `pad` takes it; what is negative is cut off."""
    margins = []
    for length, wanted in zip(reversed(shape), reversed(size), strict=True):
        cut = max(length - wanted, 0) // 2
        added = max(wanted - length, 0) // 2
        first = added - cut
        margins += [first, wanted - length - first]
    return margins
