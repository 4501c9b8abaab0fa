"""Stacks of slices as `sound` gives them to a network, and the way back to their own grid.

Slices are resampled to one pixel size, then cut or padded around their centre. Slices stay as far apart as they are.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import interpolate, one_hot

from acdc.data.conversion import slices_of
from acdc.learning.networks import CLASSES
from reprise.data.slices import cut_or_pad


class Grid(NamedTuple):
    """The pixels that a network sees."""

    spacing_mm: float  # of rows and of columns
    size: int  # height and width in px


class HeartSlices(NamedTuple):
    """Prepared slices of some cases, one case after the other, on the device."""

    images: Tensor  # (N, H, W) float32
    labels: Tensor  # (N, H, W) uint8, 0 to 3
    cases: np.ndarray  # (N,) position of each slice's case in the table of cases


def grid_of(info: Mapping[str, Any]) -> Grid:
    """The grid in the info of weights, or in the settings of a training."""
    return Grid(info["normalisation"]["spacing_mm"], info["size"])


def heart_slices(
    cases: pd.DataFrame, arrays: Mapping[str, np.ndarray], grid: Grid, device: torch.device
) -> HeartSlices:
    """All slices of some cases of the store, with their labels."""
    images, labels = [], []
    for case in cases.to_dict("records"):
        spacing = pixel_mm(case)
        images.append(prepared(slices_of(arrays["image"], case), spacing, grid, device))
        labels.append(prepared_labels(slices_of(arrays["labels"], case), spacing, grid, device))
    return HeartSlices(torch.cat(images), torch.cat(labels), np.repeat(np.arange(len(cases)), cases["slices"]))


def pixel_mm(case: Mapping[Any, Any]) -> tuple[float, float]:
    """The distances between a case's rows and between its columns."""
    return float(case["row_mm"]), float(case["column_mm"])


def prepared(stack: np.ndarray, spacing_mm: Sequence[float], grid: Grid, device: torch.device) -> Tensor:
    """A stack (N, H, W) of any numeric type as (N, size, size) float32 with mean 0 and standard deviation 1.

    Values are standardised over the whole stack, then resampled linearly. What is padded is 0, the mean. A stack
    without contrast becomes 0.

    Args:
        stack: any numeric type.
        spacing_mm: between its rows and between its columns.
        grid: what the network sees.
        device: where the result goes.
    """
    values = torch.from_numpy(np.array(stack)).to(device).to(torch.float32)
    low, high = values.aminmax()
    values = (values - low) / torch.where(high > low, high - low, 1.0)  # so that no sum of squares overflows
    spread = values.std(correction=0)
    standard = (values - values.mean()) / torch.where(spread > 0, spread, 1.0)
    return cut_or_pad(_resampled(standard[:, None], spacing_mm, grid)[:, 0], (grid.size, grid.size))


def prepared_labels(labels: np.ndarray, spacing_mm: Sequence[float], grid: Grid, device: torch.device) -> Tensor:
    """Labels (N, H, W) as (N, size, size) uint8: each class is resampled linearly, and the largest share wins."""
    shares = one_hot(torch.from_numpy(np.array(labels)).to(device).long(), CLASSES).movedim(-1, 1)
    winner = _resampled(shares.to(torch.float32), spacing_mm, grid).argmax(dim=1)
    return cut_or_pad(winner.to(torch.uint8), (grid.size, grid.size))


def restored(probabilities: Tensor, shape: Sequence[int], spacing_mm: Sequence[float], grid: Grid) -> Tensor:
    """Probabilities (N, 4, size, size) of prepared slices on the slices' own grid (N, 4, H, W).

    Where slices were cut off, all is background.

    Args:
        probabilities: float32, they add up to 1.
        shape: height and width of the slices.
        spacing_mm: between their rows and between their columns.
        grid: what the network sees.
    """
    whole = cut_or_pad(probabilities, _resampled_shape(shape, spacing_mm, grid))
    background = 1 - whole[:, 1:].sum(dim=1, keepdim=True)
    return interpolate(torch.cat([background, whole[:, 1:]], dim=1), tuple(shape), mode="bilinear", antialias=True)


def _resampled(images: Tensor, spacing_mm: Sequence[float], grid: Grid) -> Tensor:
    """Images (N, C, H, W) float32 with the grid's distance between pixels, by linear interpolation."""
    shape = _resampled_shape(images.shape[-2:], spacing_mm, grid)
    return interpolate(images, shape, mode="bilinear", antialias=True)


def _resampled_shape(shape: Sequence[int], spacing_mm: Sequence[float], grid: Grid) -> tuple[int, int]:
    height, width = (max(1, round(length * mm / grid.spacing_mm)) for length, mm in zip(shape, spacing_mm, strict=True))
    return height, width
