"""A heart of two ventricles in short-axis slices, beating, with known volumes.

The heart is a stack of slabs, one for each slice, as thick as slices are apart. Within a slab its borders are curves
around the axis of the left ventricle: the distance in mm from the axis by angle. So the area of each structure in each
slab is known, and the areas are scaled so that the slabs have exactly the wanted volume in each frame.
"""

from typing import NamedTuple

import numpy as np

ANGLES = np.linspace(-np.pi, np.pi, 720, endpoint=False)
STEP = float(ANGLES[1] - ANGLES[0])
MYOCARDIUM_G_PER_ML = 1.05
PAPILLARY = (0.8, 2.4)  # angles of the two papillary muscles from the middle of the septum


class Heart(NamedTuple):
    """A heart's volumes at end-diastole, how much of them it ejects, and its shape."""

    lv_edv_ml: float
    lv_ef: float  # fraction
    rv_edv_ml: float
    rv_ef: float
    mass_g: float
    septum: float  # angle of the middle of the septum, from the LV's axis
    thick_septum: float  # added to the thickness of the septum, as a part of that of the other walls
    scar: float  # how much less the wall moves around the angle `scar_at`, and how much thinner it is there
    scar_at: float
    slabs: int  # that have a part of a ventricle at end-diastole, from base to apex
    slab_mm: float
    shortening: float  # fraction of the length by which the base moves to the apex in systole


class Borders(NamedTuple):
    """Distances in mm from the LV's axis, by slab and angle (S, A); 0 where there is no cavity or wall."""

    cavity: np.ndarray
    wall: np.ndarray
    rv: np.ndarray


def contraction(frames: int, first: int, systole: int) -> np.ndarray:
    """How far each frame (T,) is on the way from end-diastole (0) to end-systole (1).

    `first` is the index of end-diastole; end-systole comes `systole` frames later. After it the heart fills fast, then
    rests, and fills up with the contraction of the atria.
    """
    since = (np.arange(frames) - first) % frames
    left = np.clip((since - systole) / (frames - systole), 0, 1)
    early, late = _fall(left / 0.5), _fall((left - 0.75) / 0.25)
    return np.where(
        since <= systole, np.sin(np.pi / 2 * np.minimum(since / systole, 1)) ** 2, 0.85 * early + 0.15 * late
    )


def borders(heart: Heart, beat: float) -> Borders:
    """The borders of a heart that is `beat` of the way from end-diastole to end-systole."""
    moved = heart.shortening * beat
    height = ((np.arange(heart.slabs) + 0.5) / heart.slabs - moved) / (1 - moved)
    there, height = height > 0, np.clip(height, 0, 1)
    septum, scar = _bump(ANGLES - heart.septum, 0.9), heart.scar * _bump(ANGLES - heart.scar_at, 0.7)
    lv = _areas(heart.lv_edv_ml * (1 - heart.lv_ef * beat), heart, np.where(height < 0.93, 1 - height**2.2, 0) * there)
    shape = 1 + 0.04 * np.cos(2 * (ANGLES - heart.septum)) + 0.4 * beat * scar
    cavity = np.sqrt(2 * lv / np.sum(shape**2 * STEP))[:, None] * shape
    muscle = _areas(heart.mass_g / MYOCARDIUM_G_PER_ML, heart, (1 - 0.6 * height**3) * there)
    wall = _outwards(cavity, 1 + heart.thick_septum * septum - 0.5 * scar, muscle)
    away = np.clip(np.cos(ANGLES - heart.septum) - 0.3, 0, None) ** 0.7
    room = _areas(heart.rv_edv_ml * (1 - heart.rv_ef * beat), heart, np.clip(1 - (height / 0.8) ** 2, 0, None) * there)
    return Borders(cavity, wall, _outwards(wall, away, room))


def draw_labels(borders_mm: np.ndarray, distance_mm: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Labels (H, W) uint8 of pixels at this distance and angle from the axis; `borders_mm` (3, A) are one slab's."""
    index = np.rint((angle + np.pi) / STEP).astype(int) % len(ANGLES)
    cavity, wall, rv = (distance_mm < border[index] for border in borders_mm)
    return np.select([cavity, wall, rv], [3, 2, 1], 0).astype(np.uint8)


def papillary_muscles(heart: Heart, cavity_mm: np.ndarray, distance_mm: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Where in the cavity of one slab the papillary muscles are (H, W); `cavity_mm` (A,) is its border."""
    radius = float(cavity_mm.mean())
    x, y = distance_mm * np.cos(angle), distance_mm * np.sin(angle)
    places = [(0.6 * radius * np.cos(heart.septum + at), 0.6 * radius * np.sin(heart.septum + at)) for at in PAPILLARY]
    return np.any([np.hypot(x - px, y - py) < 0.17 * radius for px, py in places], axis=0)


def _areas(volume_ml: float, heart: Heart, profile: np.ndarray) -> np.ndarray:
    """The area in mm² of each slab (S,), in proportion to the profile, so that all slabs have this volume."""
    return profile / profile.sum() * volume_ml * 1000 / heart.slab_mm


def _outwards(inner: np.ndarray, thickness: np.ndarray, area: np.ndarray) -> np.ndarray:
    """The curve (S, A) that encloses `area` (S,) outside the inner one, farther out in proportion to `thickness` (A,).

    The area between r and r + k t is k ∫ r t + k² / 2 ∫ t², which is solved for k.
    """
    square, linear = np.sum(thickness**2) * STEP / 2, np.sum(inner * thickness, axis=1) * STEP
    factor = (np.sqrt(linear**2 + 4 * square * area) - linear) / (2 * square)
    return inner + factor[:, None] * thickness * (area > 0)[:, None]


def _fall(way: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.cos(np.pi * np.clip(way, 0, 1)))


def _bump(angle: np.ndarray, width: float) -> np.ndarray:
    return np.exp(2 * (np.cos(angle) - 1) / width**2)
