"""How a random machine shows a random patient: echo of the tissues, acoustic window, gain and display."""

import cv2
import numpy as np

from echonet.phantom.four_chambers import LABELS
from echonet.phantom.ultrasound import BEAMS, SAMPLES, Look

_SURROUNDINGS = [LABELS.index(label) for label in ("backdrop", "lung")]


def draw_look(rng: np.random.Generator, labels: np.ndarray) -> Look:
    """A random machine, setting and acoustic window for a scene that begins with these labels."""
    tissue, blood = _draw_echoes(rng)
    depth = np.linspace(0, 1, SAMPLES)[:, None]
    near = rng.uniform(-14, 4) - depth / rng.uniform(0.03, 0.12) * 8
    return Look(
        tissue_db=tissue,
        blood_db=blood,
        gain_db=_draw_gain(rng, depth),
        lumps_db=_draw_lumps(rng, labels),
        clutter_db=near + _smooth(rng, 4, 8) * 3,
        noise_db=rng.uniform(-60, -34) + rng.uniform(0, 14) * depth + np.zeros((1, BEAMS)),
        pulse=(rng.uniform(0.8, 2.0), rng.uniform(0.7, 1.4)),
        white_db=rng.uniform(11, 21),
        range_db=rng.uniform(42, 66),
        gamma=rng.uniform(0.9, 2.2),
        persistence=rng.uniform(0, 0.4),
    )


def _draw_echoes(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Echo in dB of scatterers in tissue and of those in blood, by label; (256,) each."""
    typical = {
        "backdrop": (-7, 4), "lung": (-6, 5), "pericardium": (4, 3), "atrial_wall": (-1, 3), "right_wall": (-1, 3),
        "septum": (0, 1), "lateral_wall": (-4, 4), "apical_wall": (-4, 4), "trabecula": (-2, 3), "cord": (-8, 4),
        "valve": (2, 3), "annulus": (4, 3),
    }  # fmt: skip
    tissue, blood = np.full(256, -90.0), np.full(256, -90.0)
    cavity = rng.uniform(-36, -14)
    for label, name in enumerate(LABELS):
        if name.endswith("blood"):
            blood[label] = cavity + rng.normal(0, 2)
            tissue[label] = blood[label] - 6
        else:
            tissue[label] = rng.normal(*typical[name])
    return tissue, blood


def _draw_lumps(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    """(SAMPLES, BEAMS) dB: clumped scatterers, uneven walls, and surroundings that fade away from the heart."""
    clumps = _smooth(rng, 1, 1) * rng.uniform(0, 4) + _smooth(rng, 5, 3) * rng.uniform(0.5, 3)
    uneven = _smooth(rng, 14, 9) * rng.uniform(0.5, 4)
    away = cv2.distanceTransform(np.isin(labels, _SURROUNDINGS).astype(np.uint8), cv2.DIST_L2, 5)
    return clumps + uneven - rng.uniform(3, 22) * (1 - np.exp(-away / rng.uniform(6, 20)))


def _draw_gain(rng: np.random.Generator, depth: np.ndarray) -> np.ndarray:
    """(SAMPLES, BEAMS) dB: depth gain, attenuation, shadowed beams, weak edges of the fan."""
    beam = np.linspace(-1, 1, BEAMS)
    gain = _smooth(rng, 40, 30) * 2 - rng.uniform(-3, 8) * depth - rng.uniform(0, 8) * beam**4
    for _ in range(rng.integers(0, 3)):
        middle, width = rng.choice([-1, 1]) * rng.uniform(0.3, 1), rng.uniform(0.06, 0.25)
        gain = gain - rng.uniform(4, 18) * np.exp(-(((beam - middle) / width) ** 2))
    return gain


def _smooth(rng: np.random.Generator, samples: float, beams: float) -> np.ndarray:
    """(SAMPLES, BEAMS) smooth noise of standard deviation 1; `samples` and `beams` are the size of its grain."""
    noise = cv2.GaussianBlur(rng.standard_normal((SAMPLES, BEAMS)), (0, 0), sigmaX=beams, sigmaY=samples)
    return noise / noise.std()
