"""B-mode frames of a labelled, moving scene: speckle, sector and display of a phased array.

A frame is made on the polar grid of the beams (samples x beams). In tissue, scatterers move with it; in blood, they
are new in each frame. They are weighted by the echo of their label, blurred by the pulse, detected, log-compressed,
and converted to pixels. The pulse is constant in angle, so speckle widens with depth.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

SIDE = 112  # px, height and width of a frame
SAMPLES, BEAMS = 152, 120
_SPARE = 64  # the pool of blood scatterers is larger than a frame by so much, on both axes


class Sector(NamedTuple):
    """Position of the fan of beams in the frame: x and y of its apex and its depth, in px."""

    x: float
    y: float
    depth: float
    half_angle_rad: float


class Look(NamedTuple):
    """How one machine shows one patient; arrays in dB, over labels or over the polar grid."""

    tissue_db: np.ndarray  # (256,) echo of scatterers that move with the tissue, by label
    blood_db: np.ndarray  # (256,) echo of scatterers that are new in every frame, by label
    gain_db: np.ndarray  # (SAMPLES, BEAMS) depth gain, shadows, dropout
    lumps_db: np.ndarray  # (SAMPLES, BEAMS) uneven echo of the tissue, moving with it
    clutter_db: np.ndarray  # (SAMPLES, BEAMS) reverberation, standing still
    noise_db: np.ndarray  # (SAMPLES, BEAMS) of the receiver
    pulse: tuple[float, float]  # standard deviation in beams and in samples
    white_db: float  # echo that is shown as 255
    range_db: float  # from black to white
    gamma: float
    persistence: float  # fraction of the frame before that stays visible


def to_polar(sector: Sector, points: np.ndarray) -> np.ndarray:
    """Beam and sample numbers (..., 2) of points (..., 2) given as x, y in px."""
    x, y = points[..., 0] - sector.x, points[..., 1] - sector.y
    beam = (np.arctan2(x, y) / sector.half_angle_rad + 1) / 2 * (BEAMS - 1)
    return np.stack([beam, np.hypot(x, y) / sector.depth * (SAMPLES - 1)], axis=-1)


def polar_grid(sector: Sector) -> np.ndarray:
    """(SAMPLES, BEAMS, 2) x, y in px of every sample of every beam."""
    angle = np.linspace(-1, 1, BEAMS) * sector.half_angle_rad
    radius = np.linspace(0, 1, SAMPLES)[:, None] * sector.depth
    return np.stack([sector.x + radius * np.sin(angle), sector.y + radius * np.cos(angle)], axis=-1)


def inside(sector: Sector) -> np.ndarray:
    """Bool (112, 112): the pixels that the fan of beams covers."""
    beam, sample = np.moveaxis(to_polar(sector, _pixel_grid()), -1, 0)
    return (beam >= 0) & (beam <= BEAMS - 1) & (sample <= SAMPLES - 1)


def render(
    rng: np.random.Generator,
    sector: Sector,
    look: Look,
    scene: Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> Iterator[np.ndarray]:
    """Frames, uint8 (112, 112), one for each item of `scene`.

    An item is the labels, uint8 (SAMPLES, BEAMS), and the original position of the tissue that is now at each place:
    beam and sample, float32 (SAMPLES, BEAMS) each.
    """
    tissue = _scatterers(rng, 0) * _amplitude(look.lumps_db)
    blood = _scatterers(rng, _SPARE)
    clutter = _scatterers(rng, 0) * _amplitude(look.clutter_db)
    gain, noise = _amplitude(look.gain_db), _amplitude(look.noise_db)
    tissue_echo, blood_echo = _amplitude(look.tissue_db), _amplitude(look.blood_db)
    beams, samples = np.moveaxis(to_polar(sector, _pixel_grid()).astype(np.float32), -1, 0)
    whole, fraction = cv2.convertMaps(beams, samples, cv2.CV_16SC2)
    covered = inside(sector).astype(np.uint8)
    shown: np.ndarray | None = None
    for labels, beam, sample in scene:
        still = cv2.LUT(labels, tissue_echo) * gain
        moving = cv2.LUT(labels, blood_echo) * gain + noise
        planes = zip(tissue, _window(rng, blood), clutter, strict=True)
        echo = [cv2.remap(t, beam, sample, cv2.INTER_LINEAR) * still + b * moving + c for t, b, c in planes]
        now = _displayed(look, echo)
        shown = now if shown is None else cv2.addWeighted(shown, look.persistence, now, 1 - look.persistence, 0)
        yield cv2.remap(shown, whole, fraction, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) * covered


def _scatterers(rng: np.random.Generator, spare: int) -> np.ndarray:
    """Real and imaginary part of white noise of power 1, float32 (2, SAMPLES + spare, BEAMS + spare)."""
    noise = rng.standard_normal((2, SAMPLES + spare, BEAMS + spare), dtype=np.float32)
    return noise * np.float32(np.sqrt(0.5))


def _window(rng: np.random.Generator, scatterers: np.ndarray) -> np.ndarray:
    """A random part of a larger field of scatterers; as random as new ones."""
    row, column = rng.integers(0, _SPARE, 2)
    return scatterers[:, row : row + SAMPLES, column : column + BEAMS]


def _displayed(look: Look, echo: list[np.ndarray]) -> np.ndarray:
    """Grey levels, uint8, of the real and the imaginary part of the echo: pulse, envelope, log compression."""
    beam_sd, sample_sd = look.pulse
    real, imaginary = (cv2.GaussianBlur(part, (0, 0), sigmaX=beam_sd, sigmaY=sample_sd) for part in echo)
    # blurring white noise by a Gaussian divides its power by 4 pi times the two standard deviations
    power = (real * real + imaginary * imaginary) * np.float32(4 * np.pi * beam_sd * sample_sd)
    level = cv2.log(power + np.float32(1e-12))
    per_level = 255 / look.range_db * 10 / np.log(10)
    black = 255 - look.white_db * 255 / look.range_db
    grey = cv2.addWeighted(level, per_level, level, 0, black, dtype=cv2.CV_8U)
    return cv2.LUT(grey, np.rint(255 * (np.arange(256) / 255) ** look.gamma).astype(np.uint8))


def _amplitude(decibels: np.ndarray) -> np.ndarray:
    return (10 ** (decibels / 20)).astype(np.float32)


def _pixel_grid() -> np.ndarray:
    """(112, 112, 2) x, y of the pixels."""
    return np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1).astype(float)
