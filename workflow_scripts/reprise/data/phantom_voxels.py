"""Voxels, ellipsoids and smooth random fields: the parts that phantoms of organs are made of.

Places are (x, y, z) in mm from the middle of the grid.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Grid(NamedTuple):
    """Number of voxels along each axis, their spacing in mm, and the positions of their centres."""

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    axes: tuple[np.ndarray, np.ndarray, np.ndarray]  # shaped for broadcasting: (X, 1, 1), (1, Y, 1), (1, 1, Z)


class Ellipsoid(NamedTuple):
    """Centre (3,), radii (3,) in mm, and rows (3, 3): the directions of the radii."""

    centre: np.ndarray
    radii: np.ndarray
    rows: np.ndarray


def make_grid(shape: Sequence[int], spacing_mm: Sequence[float]) -> Grid:
    """A grid with the brain's centre in its middle."""
    x, y, z = ((np.arange(n) - (n - 1) / 2) * step for n, step in zip(shape, spacing_mm, strict=True))
    axes = (x[:, None, None], y[None, :, None], z[None, None, :])
    return Grid((len(x), len(y), len(z)), tuple(float(step) for step in spacing_mm), tuple(np.float32(a) for a in axes))  # type: ignore[arg-type]


def smooth_field(rng: np.random.Generator, grid: Grid, knot_mm: float) -> np.ndarray:
    """A smooth random field (X, Y, Z) float32 of mean 0 and standard deviation about 1."""
    sides = [n * step for n, step in zip(grid.shape, grid.spacing_mm, strict=True)]
    knots = [int(side / knot_mm) + 4 for side in sides]
    field = rng.standard_normal(knots, np.float32)
    for axis, (n, step, count) in enumerate(zip(grid.shape, grid.spacing_mm, knots, strict=True)):
        weights = _spline_weights(np.arange(n) * step / knot_mm, count)
        field = np.moveaxis(np.tensordot(weights, field, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(field) / np.float32(0.34)


def inside(ellipsoid: Ellipsoid, grid: Grid) -> np.ndarray:
    """Squared distance (X, Y, Z) from the centre in units of the radii: less than 1 inside."""
    x, y, z = (axis - np.float32(middle) for axis, middle in zip(grid.axes, ellipsoid.centre, strict=True))
    total = np.float32(0)
    for row, radius in zip(ellipsoid.rows, ellipsoid.radii, strict=True):
        a, b, c = (row / radius).astype(np.float32)
        total = total + (a * x + b * y + c * z) ** 2
    return np.asarray(total)


def directions(direction: Sequence[float]) -> np.ndarray:
    """Three directions at right angles; the first is the given one."""
    first = np.array(direction) / np.linalg.norm(direction)
    second = np.cross([0.0, 0.0, 1.0] if abs(first[2]) < 0.9 else [1.0, 0.0, 0.0], first)
    second /= np.linalg.norm(second)
    return np.stack([first, second, np.cross(first, second)])


def box_around(ellipsoid: Ellipsoid, grid: Grid, margin_mm: float) -> tuple[slice, slice, slice]:
    """Voxels around an ellipsoid, cut at the grid's ends."""
    reach = ellipsoid.radii.max() + margin_mm
    slices = []
    for axis, middle in zip(grid.axes, ellipsoid.centre, strict=True):
        low, high = np.searchsorted(axis.ravel(), [middle - reach, middle + reach])
        slices.append(slice(int(low), int(high)))
    return slices[0], slices[1], slices[2]


def part_of(grid: Grid, box: tuple[slice, slice, slice]) -> Grid:
    """The grid of a box of voxels."""
    x, y, z = grid.axes
    axes = (x[box[0]], y[:, box[1]], z[..., box[2]])
    return Grid((axes[0].size, axes[1].size, axes[2].size), grid.spacing_mm, axes)


def _spline_weights(positions: np.ndarray, knots: int) -> np.ndarray:
    """Weights (positions, knots) of a uniform cubic B-spline."""
    away = np.abs(positions[:, None] + 1 - np.arange(knots)[None])
    near = 2 / 3 - away**2 + away**3 / 2
    return np.where(away < 1, near, np.clip(2 - away, 0, None) ** 3 / 6).astype(np.float32)
