"""A beating left ventricle in the apical four-chamber plane: outline, volume, tracing and rhythm.

Lengths are in pixels, x to the right and y down. `activation` is 0 at end-diastole and 1 at the end of a
systole of full strength; each point of the outline moves with it along a straight line. The volume is
that of discs around the long axis; their diameters are the widths in this plane.
"""

from typing import NamedTuple

import numpy as np

LEVELS = np.linspace(0, 1, 201)  # along the long axis, 0 = apex, 1 = mitral plane
CHORDS = np.arange(5, 201, 10)  # the middles of the 20 discs among LEVELS


class Ventricle(NamedTuple):
    """Left ventricle at end-diastole and how far activation 1 moves it; arrays are (201,) over LEVELS."""

    apex: np.ndarray  # (2,)
    axis: np.ndarray  # (2,) unit vector from apex to mitral plane
    length: float
    septal: np.ndarray  # from the long axis to the septal wall
    lateral: np.ndarray
    shortening: float  # fraction of the length lost
    septal_inward: np.ndarray  # fraction of the half-width lost
    lateral_inward: np.ndarray


class Rhythm(NamedTuple):
    """Beats of one video: each starts at end-diastole and reaches its strength at end-systole."""

    starts_s: np.ndarray  # (B,)
    systoles_s: np.ndarray  # (B,)
    lengths_s: np.ndarray  # (B,)
    strengths: np.ndarray  # (B,) activation at end-systole
    closing: float  # opening of the mitral valve that is left at end-diastole


def draw_ventricle(
    rng: np.random.Generator, ejection_fraction: float, length: float, width: float, tilt_rad: float
) -> Ventricle:
    """A random ventricle that ejects `ejection_fraction` (0..1) of its volume at activation 1; its apex is at 0, 0."""
    septal, lateral = _half_widths(rng, width)
    shortening = np.clip(rng.normal(0.28, 0.04), 0.15, 0.4) * ejection_fraction
    tethering = 1 - rng.uniform(0.0, 0.25) * LEVELS**4
    bias = rng.uniform(-0.25, 0.25)
    wave = rng.uniform(-0.15, 0.15) * np.sin(2 * np.pi * (LEVELS + rng.uniform()))
    profiles = np.stack([1 + bias + wave, 1 - bias - wave]) * tethering
    inward = _inward(
        septal + lateral, septal * profiles[0] + lateral * profiles[1], (1 - ejection_fraction) / (1 - shortening)
    )
    axis = np.array([np.sin(tilt_rad), np.cos(tilt_rad)])
    return Ventricle(np.zeros(2), axis, length, septal, lateral, shortening, *(inward * profiles))


def normal(ventricle: Ventricle) -> np.ndarray:
    """(2,) unit vector across the long axis, from septum to lateral wall."""
    return np.array([ventricle.axis[1], -ventricle.axis[0]])


def half_widths(ventricle: Ventricle, activation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Septal and lateral half-widths, each (..., 201), for activations (...)."""
    moved = np.asarray(activation)[..., None]
    return (
        ventricle.septal * (1 - ventricle.septal_inward * moved),
        ventricle.lateral * (1 - ventricle.lateral_inward * moved),
    )


def volume_px3(ventricle: Ventricle, activation: np.ndarray) -> np.ndarray:
    """Volume (...) for activations (...): integral of pi/4 width^2 along the long axis."""
    septal, lateral = half_widths(ventricle, activation)
    length = ventricle.length * (1 - ventricle.shortening * np.asarray(activation))
    return np.pi / 4 * length * np.trapezoid((septal + lateral) ** 2, LEVELS, axis=-1)


def walls(ventricle: Ventricle, activation: float) -> tuple[np.ndarray, np.ndarray]:
    """Points of the septal and of the lateral wall, each (201, 2), from apex to mitral plane."""
    septal, lateral = half_widths(ventricle, np.array(activation))
    length = ventricle.length * (1 - ventricle.shortening * activation)
    centre = ventricle.apex + LEVELS[:, None] * length * ventricle.axis
    across = normal(ventricle)
    return centre - septal[:, None] * across, centre + lateral[:, None] * across


def tracing(ventricle: Ventricle, activation: float) -> np.ndarray:
    """(21, 4) x1, y1, x2, y2: the long axis from the apex, then 20 chords from apex to mitral plane."""
    septal, lateral = walls(ventricle, activation)
    base = ventricle.apex + ventricle.length * (1 - ventricle.shortening * activation) * ventricle.axis
    long_axis = np.concatenate([ventricle.apex, base])
    return np.vstack([long_axis, np.hstack([septal[CHORDS], lateral[CHORDS]])])


def draw_rhythm(rng: np.random.Generator, duration_s: float) -> Rhythm:
    """Beats that cover a video from before its start to after its end; the second starts soon after 0."""
    mean_length = np.clip(rng.normal(0.85, 0.15), 0.58, 1.25)
    spread = rng.choice([0.02, 0.05, 0.12], p=[0.6, 0.3, 0.1])
    count = int(duration_s / (0.6 * mean_length)) + 4
    lengths = mean_length * np.clip(rng.normal(1, spread, count), 0.75, 1.3)
    strengths = np.clip(rng.normal(1, 0.02 + 0.4 * spread, count), 0.82, 1.12)
    systoles = np.clip(0.36 * np.sqrt(lengths) * rng.normal(1, 0.05), 0.24, 0.45)
    starts = np.cumsum(lengths) - lengths - lengths[0] + rng.uniform(0.02, 0.3)
    return Rhythm(starts, systoles, lengths, strengths, closing=rng.uniform(0, 0.7))


def activation_at(rhythm: Rhythm, times_s: np.ndarray) -> np.ndarray:
    """Activation (F,) at the times (F,): ejection, rapid filling, diastasis and the atrial kick of each beat."""
    level = np.array([0.0, 0.03, 0.58, 0.96, 1.0, 0.95, 0.33, 0.2, 0.15])
    return _course(rhythm, level * rhythm.strengths[:, None], times_s)


def opening_at(rhythm: Rhythm, times_s: np.ndarray) -> np.ndarray:
    """Opening (F,) of the mitral valve, 0 closed .. 1: shut in systole, wide in rapid filling and atrial kick."""
    level = np.array([rhythm.closing, 0.0, 0.0, 0.0, 0.0, 0.3, 1.0, 0.35, 0.75])
    return _course(rhythm, np.tile(level, (len(rhythm.starts_s), 1)), times_s)


def _course(rhythm: Rhythm, levels: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """Smooth course through nine levels per beat (B, 9), five in systole and four in diastole."""
    systole = np.array([0.0, 0.12, 0.5, 0.85, 1.0])
    diastole = np.array([0.1, 0.35, 0.7, 0.86])
    systoles, lengths = rhythm.systoles_s[:, None], rhythm.lengths_s[:, None]
    offsets = np.hstack([systole * systoles, systoles + diastole * (lengths - systoles)])
    knots = (rhythm.starts_s[:, None] + offsets).ravel()
    near = np.linspace(-0.03, 0.03, 13)
    kernel = np.hanning(15)[1:-1]
    return np.interp(times_s[:, None] + near, knots, levels.ravel()) @ (kernel / kernel.sum())


def _half_widths(rng: np.random.Generator, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Septal and lateral half-widths (201,) of a bullet whose largest width is `width`."""
    widest, base = rng.uniform(0.5, 0.72), rng.uniform(0.66, 0.9)
    blunt = rng.uniform(1.7, 2.6)
    rising = (1 - np.clip(1 - LEVELS / widest, 0, 1) ** blunt) ** (1 / rng.uniform(1.7, 2.7))
    falling = 1 - (1 - base) * np.clip((LEVELS - widest) / (1 - widest), 0, 1) ** 2
    half = width / 2 * np.where(widest > LEVELS, rising, falling)
    bend = rng.uniform(-0.12, 0.12) * width * np.sin(np.pi * LEVELS)
    bend = np.clip(bend, -0.6 * half, 0.6 * half)
    return half + bend, half - bend


def _inward(width: np.ndarray, lost: np.ndarray, wanted: float) -> float:
    """The factor f for which the sum of (width - f lost)^2 is `wanted` times that of width^2 (a quadratic equation)."""
    whole, mixed, square = width @ width, width @ lost, lost @ lost
    return float((mixed - np.sqrt(mixed**2 - square * whole * (1 - wanted))) / square)
