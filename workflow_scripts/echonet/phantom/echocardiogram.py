"""An echocardiogram with its truth: a random heart and machine, filmed over several beats."""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from echonet.phantom import four_chambers, left_ventricle, ultrasound
from echonet.phantom.appearance import draw_look
from echonet.phantom.left_ventricle import Rhythm, Ventricle
from echonet.phantom.shapes import Shape, painted, stacked
from echonet.phantom.ultrasound import BEAMS, SAMPLES, SIDE, Sector

_MARGIN = 4  # px between the traced ventricle and the border of the frame


class Echocardiogram(NamedTuple):
    """Frames and what is known about them; px refer to the frames, x to the right and y down."""

    frames: np.ndarray  # uint8 (F, 112, 112)
    fps: int
    volumes_ml: np.ndarray  # (F,) of the left ventricle
    tracings: np.ndarray  # (F, 21, 4) long axis, then chords from apex to mitral plane
    beats: np.ndarray  # int (B, 2) end-diastolic and end-systolic frame of each beat that is in view


def film(rng: np.random.Generator, frames: int) -> Echocardiogram:
    """A random echocardiogram of 50 frames or more; at least one whole systole is in view."""
    fps = 50 if rng.uniform() < 0.7 else int(rng.integers(30, 61))
    sector = _draw_sector(rng)
    ejection_fraction = _draw_ejection_fraction(rng)
    ventricle = _draw_placed_ventricle(rng, sector, ejection_fraction)
    rhythm = left_ventricle.draw_rhythm(rng, frames / fps)
    times = np.arange(frames) / fps
    activation = left_ventricle.activation_at(rhythm, times)
    drift = _draw_drift(rng, times)
    shapes = four_chambers.draw_shapes(ventricle, four_chambers.draw_anatomy(rng))
    look = draw_look(rng, painted(sector, shapes, stacked(shapes)[0]))
    scene = _scene(sector, shapes, activation, left_ventricle.opening_at(rhythm, times), drift)
    volumes, rest = (left_ventricle.volume_px3(ventricle, level) for level in (activation, np.zeros(1)))
    tracings = np.stack([left_ventricle.tracing(ventricle, level) for level in activation])
    return Echocardiogram(
        frames=np.stack(list(ultrasound.render(rng, sector, look, scene))),
        fps=fps,
        volumes_ml=volumes / rest * _draw_end_diastolic_ml(rng, ejection_fraction),
        tracings=tracings + np.tile(drift, 2)[:, None],
        beats=_beats(rhythm, volumes, fps),
    )


def _draw_ejection_fraction(rng: np.random.Generator) -> float:
    """Fraction 0.15..0.78, more widely spread than in patients, so that a small phantom has weak and strong hearts."""
    value = rng.uniform(0.15, 0.78) if rng.uniform() < 0.7 else rng.normal(0.6, 0.07)
    return float(np.clip(value, 0.15, 0.78))


def _draw_end_diastolic_ml(rng: np.random.Generator, ejection_fraction: float) -> float:
    """End-diastolic volume in ml; a ventricle that ejects little is large."""
    return float(82 * np.exp(rng.normal(0, 0.3)) * (1 + 1.5 * max(0.0, 0.55 - ejection_fraction)))


def _draw_sector(rng: np.random.Generator) -> Sector:
    top = rng.uniform(-10, 6)
    return Sector(
        x=rng.normal(SIDE / 2, 2.5),
        y=top,
        depth=rng.uniform(102, 122) - top,
        half_angle_rad=np.deg2rad(rng.uniform(30, 50)),
    )


def _draw_placed_ventricle(rng: np.random.Generator, sector: Sector, ejection_fraction: float) -> Ventricle:
    """A ventricle inside the sector, its base inside the frame; a ventricle that ejects little is round."""
    angle, distance = rng.normal(0.03, 0.1), sector.depth * rng.uniform(0.1, 0.3)
    apex = np.array([sector.x + distance * np.sin(angle), max(sector.y + distance * np.cos(angle), _MARGIN)])
    length = min(sector.depth * rng.uniform(0.38, 0.56), (SIDE - _MARGIN - 6 - apex[1]) * 0.98)
    width = length * (rng.normal(0.5, 0.05) + 0.7 * max(0.0, 0.55 - ejection_fraction))
    tilt = float(np.clip(rng.normal(0.0, 0.13), -0.35, 0.35))
    ventricle = left_ventricle.draw_ventricle(rng, ejection_fraction, length, width, tilt)
    return ventricle._replace(apex=apex)


def _draw_drift(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """(F, 2) px: slow movement of the whole heart, from breathing and from the hand that holds the probe."""
    phases, periods = rng.uniform(0, 2 * np.pi, 2), rng.uniform(2.5, 5, 2)
    return rng.uniform(0, [1.0, 1.5]) * np.sin(2 * np.pi * times[:, None] / periods + phases)


def _scene(
    sector: Sector, shapes: list[Shape], activation: np.ndarray, opening: np.ndarray, drift: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Labels and origins of the tissue for each frame, as `ultrasound.render` expects them."""
    still, contracting, lifting = stacked(shapes)
    points = still + activation[:, None, None] * contracting + opening[:, None, None] * lifting + drift[:, None]
    grid = ultrasound.polar_grid(sector)
    position = np.stack(np.meshgrid(np.arange(BEAMS), np.arange(SAMPLES))).astype(np.float32)
    flow = _polar(sector, grid, _field(grid, still, contracting))
    across, down = (_polar(sector, grid, np.broadcast_to(step, grid.shape)) for step in np.eye(2))
    moves = np.column_stack([activation, drift]).astype(np.float32)
    for outline, (level, right, low) in zip(points, moves, strict=True):
        yield painted(sector, shapes, outline), *(position - level * flow - right * across - low * down)


def _field(grid: np.ndarray, points: np.ndarray, displacements: np.ndarray) -> np.ndarray:
    """Displacements (P, 2) of points, spread smoothly over the grid (SAMPLES, BEAMS, 2); they fade with distance."""
    coarse = grid[::8, ::8]
    squared = ((coarse[..., None, :] - points) ** 2).sum(axis=-1)
    weight = np.exp(-squared / (2 * 5.0**2)) + 1e-4 / (1 + squared)
    spread = (weight @ displacements) / (weight.sum(axis=-1, keepdims=True) + 1e-3)
    return cv2.resize(spread, (BEAMS, SAMPLES), interpolation=cv2.INTER_LINEAR)


def _polar(sector: Sector, grid: np.ndarray, displacement: np.ndarray) -> np.ndarray:
    """Displacement in beams and in samples, float32 (2, SAMPLES, BEAMS)."""
    moved = ultrasound.to_polar(sector, grid + displacement) - ultrasound.to_polar(sector, grid)
    return np.moveaxis(np.clip(moved, -40, 40), -1, 0).astype(np.float32)


def _beats(rhythm: Rhythm, volumes: np.ndarray, fps: int) -> np.ndarray:
    """Frames of the largest and of the smallest volume of each beat whose systole is in view."""
    found = []
    for start, systole in zip(rhythm.starts_s, rhythm.systoles_s, strict=True):
        first, last = round(start * fps), round((start + systole) * fps) + 2
        if first >= 0 and last < len(volumes):
            beat = volumes[first : last + 1]
            found.append((first + int(beat.argmax()), first + int(beat.argmin())))
    return np.array(found)
