"""A brain without its skull, as an MRI scanner shows it, with lesions of known volume around its ventricles.

Places are (x, y, z) in mm from the centre of the brain: to the right, to the front, to the top.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from reprise.data.phantom_voxels import Ellipsoid, Grid, box_around, directions, inside, part_of, smooth_field

TISSUES = ("outside", "csf", "grey", "white", "lesion")
# Typical signal of the tissues; in FLAIR lesions are the brightest and fluid is dark.
SIGNAL = {
    "flair": (0.0, 0.12, 0.56, 0.45, 0.88),
    "mprage": (0.0, 0.18, 0.62, 0.92, 0.58),
    "t2": (0.0, 1.0, 0.52, 0.36, 0.76),
    "pd": (0.0, 0.80, 0.86, 0.66, 0.95),
}
BRIGHTEST = 1000.0  # the stored value of signal 1
NOISE = 0.025
BIAS = 0.15
RADII_MM = np.array([66.0, 84.0, 60.0])  # half the width, length and height of a brain
KNOTS_MM = {"warp": 34.0, "folds": 10.0, "cord": 60.0}  # distances of the knots of smooth random fields


class Brain(NamedTuple):
    """Labels of the tissues without lesions (X, Y, Z) uint8, as indices of TISSUES, and the ventricles' horns."""

    labels: np.ndarray
    horns: list[Ellipsoid]


class Lesion(NamedTuple):
    """An ellipsoid at its full size, and which fraction of it there is at each time point (0: not there yet)."""

    ellipsoid: Ellipsoid
    fractions: np.ndarray


def draw_brain(rng: np.random.Generator, grid: Grid) -> Brain:
    """A random brain: folded cortex, white matter, deep grey nuclei and ventricles."""
    x, y, z = grid.axes
    size = rng.uniform(0.96, 1.04)
    horns = _draw_horns(rng)
    # a flat base and a narrower front make an egg of the ellipsoid
    width = RADII_MM[0] * size * (1 - 0.12 * np.clip(y / RADII_MM[1], -1, 1))
    height = np.where(z < 0, 0.78, 1.0) * RADII_MM[2] * size
    depth = np.sqrt((x / width) ** 2 + (y / (RADII_MM[1] * size)) ** 2 + (z / height) ** 2)
    depth = depth + 0.035 * smooth_field(rng, grid, KNOTS_MM["warp"])
    # sulci are thin sheets where a random field crosses 0
    sulcus = np.abs(smooth_field(rng, grid, KNOTS_MM["folds"]))
    fissure = np.exp(-((x / 2.2) ** 2)) * (depth > 0.55) * (z > -8)
    labels = np.zeros(grid.shape, np.uint8)
    labels[depth < 1] = TISSUES.index("csf")
    labels[depth + 0.10 * np.exp(-((sulcus / 0.12) ** 2)) + 0.14 * fissure < 0.985] = TISSUES.index("grey")
    labels[depth + 0.15 * np.exp(-((sulcus / 0.5) ** 2)) + 0.3 * fissure < 0.90] = TISSUES.index("white")
    for nucleus in _nuclei(rng):
        labels[(inside(nucleus, grid) < 1) & (labels > 0)] = TISSUES.index("grey")
    for horn in [*horns, _third_ventricle()]:
        labels[inside(horn, grid) < 1] = TISSUES.index("csf")
    return Brain(labels, horns)


def draw_lesions(
    rng: np.random.Generator, brain: Brain, grid: Grid, count: int, radii_mm: tuple[float, float], timepoints: int
) -> list[Lesion]:
    """Up to `count` lesions in white matter, most of them close to a ventricle, that touch neither each other nor CSF.

    Their long axis points away from the ventricle. If there is no room, fewer are drawn.
    """
    lesions: list[Lesion] = []
    for _ in range(count * 60):
        if len(lesions) == count:
            break
        ellipsoid = _propose(rng, brain.horns, radii_mm)
        far = all(
            np.linalg.norm(ellipsoid.centre - other.centre) > ellipsoid.radii[0] + other.radii[0] + radii_mm[0] / 2
            for other, _ in lesions
        )
        if far and _in_white_matter(ellipsoid, brain, grid):
            lesions.append(Lesion(ellipsoid, _draw_growth(rng, timepoints, first=not lesions)))
    return lesions


def volume_ml(lesion: Lesion, timepoint: int) -> float:
    """Volume of a lesion at a time point, by the formula of an ellipsoid."""
    return float(4 / 3 * np.pi * np.prod(lesion.ellipsoid.radii) * lesion.fractions[timepoint] / 1000)


def border_distance(lesions: Sequence[Lesion], timepoint: int, grid: Grid) -> np.ndarray:
    """Approximate distance in mm of each voxel (X, Y, Z) from the nearest lesion; negative inside, at most 20."""
    distance = np.full(grid.shape, 20.0, np.float32)
    for lesion in lesions:
        scale = np.cbrt(lesion.fractions[timepoint])
        if scale == 0:
            continue
        shrunk = lesion.ellipsoid._replace(radii=lesion.ellipsoid.radii * scale)
        box = box_around(shrunk, grid, margin_mm=8.0)
        level = np.sqrt(inside(shrunk, part_of(grid, box)))
        near = (level - 1) * np.cbrt(np.prod(shrunk.radii))
        distance[box] = np.minimum(distance[box], near)
    return distance


def acquire(rng: np.random.Generator, brain: Brain, distance: np.ndarray, grid: Grid, sequence: str) -> np.ndarray:
    """The brain (X, Y, Z) int16 as a scanner shows it in one sequence, with blur, bias field and noise; 0 outside."""
    signal = np.array(SIGNAL[sequence], np.float32) * rng.normal(1, 0.02, len(TISSUES)).astype(np.float32)
    image = signal[brain.labels]
    edge = np.cbrt(np.prod(grid.spacing_mm))
    fraction = np.clip(0.5 - distance / edge, 0, 1)
    image += fraction * (signal[TISSUES.index("lesion")] - image)
    image = gaussian_filter(image, [0.7 / spacing for spacing in grid.spacing_mm], truncate=3)
    image *= np.exp(BIAS * smooth_field(rng, grid, KNOTS_MM["cord"]))
    image += NOISE * rng.standard_normal(grid.shape, np.float32)
    image *= brain.labels > 0
    return np.clip(np.rint(image * BRIGHTEST), 0, 4095).astype(np.int16)


def rate(rng: np.random.Generator, distance: np.ndarray, grid: Grid, bias: float, wobble: float) -> np.ndarray:
    """A rater's mask (X, Y, Z) uint8: the true border, moved by `bias` and at random, but smoothly, by `wobble`.

    Both are in mm for voxels of 1 mm, and grow with the square root of a voxel's side.
    """
    side = np.cbrt(np.prod(grid.spacing_mm))
    moved = np.sqrt(side) * (bias + wobble * smooth_field(rng, grid, 4 * side))
    return (distance < moved).astype(np.uint8)


def _draw_horns(rng: np.random.Generator) -> list[Ellipsoid]:
    """Bodies and hind horns of the two lateral ventricles."""
    size = rng.uniform(0.85, 1.25)
    horns = []
    for side in (-1, 1):
        body = Ellipsoid(
            np.array([side * 9.0, 4.0, 8.0]), size * np.array([26.0, 6.0, 8.0]), directions([side * -0.12, 1, 0.1])
        )
        hind = Ellipsoid(
            np.array([side * 20.0, -28.0, 2.0]), size * np.array([20.0, 5.5, 7.0]), directions([side * 0.55, -1, -0.3])
        )
        horns += [body, hind]
    return horns


def _third_ventricle() -> Ellipsoid:
    return Ellipsoid(np.array([0.0, -4.0, -6.0]), np.array([13.0, 2.2, 9.0]), directions([0, 1, 0]))


def _nuclei(rng: np.random.Generator) -> list[Ellipsoid]:
    """Thalamus and putamen on both sides."""
    size = rng.uniform(0.95, 1.1)
    thalami = [
        Ellipsoid(np.array([s * 10.0, -10.0, -3.0]), size * np.array([13.0, 8.0, 8.0]), directions([s * 0.4, -1, 0]))
        for s in (-1, 1)
    ]
    putamina = [
        Ellipsoid(np.array([s * 26.0, 6.0, -2.0]), size * np.array([16.0, 5.5, 9.0]), directions([s * 0.25, -1, 0]))
        for s in (-1, 1)
    ]
    return thalami + putamina


def _propose(rng: np.random.Generator, horns: Sequence[Ellipsoid], radii_mm: tuple[float, float]) -> Ellipsoid:
    """A lesion beside a random point of a ventricle, or further away."""
    horn = horns[int(rng.integers(len(horns)))]
    direction = rng.standard_normal(3)
    direction /= np.linalg.norm(direction)
    surface = horn.centre + (direction * horn.radii) @ horn.rows
    outwards = (direction / horn.radii) @ horn.rows
    outwards /= np.linalg.norm(outwards)
    longest = radii_mm[0] * (radii_mm[1] / radii_mm[0]) ** rng.beta(1, 1.6)
    away = longest + rng.exponential(radii_mm[0]) + 0.5
    radii = longest * np.array([1, *rng.uniform(0.65, 0.95, 2)])
    return Ellipsoid(surface + outwards * away, radii, directions(outwards.tolist()))


def _in_white_matter(ellipsoid: Ellipsoid, brain: Brain, grid: Grid) -> bool:
    box = box_around(ellipsoid, grid, margin_mm=0.0)
    labels = brain.labels[box][inside(ellipsoid, part_of(grid, box)) < 1]
    return labels.size > 0 and bool((labels == TISSUES.index("white")).all())


def _draw_growth(rng: np.random.Generator, timepoints: int, *, first: bool) -> np.ndarray:
    """Fraction of the full volume at each time point; a third of the lesions appear after the first time point."""
    start = 0 if first or rng.uniform() < 0.67 else int(rng.integers(1, timepoints))
    steps = np.arange(timepoints) - start
    fraction = rng.uniform(0.45, 0.75)
    return np.where(steps < 0, 0.0, fraction + (1 - fraction) * (steps + 1) / (timepoints - start))
