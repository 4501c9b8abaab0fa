"""An infant's brain at six months: a folded cortex between two surfaces, ventricles, and how T1 and T2 show them.

Volumes are exact on any grid, because each surface is the level of a smooth function that leaves the wanted number of
voxels inside. Lengths are in mm.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

from reprise.data.phantom_voxels import Ellipsoid, Grid, directions, inside, smooth_field

RADII_MM = (60.0, 76.0, 57.0)  # half the sides of the smallest grid
VOLUMES_ML = {"csf": 193.5, "gm": 400.0, "wm": 260.5}  # of a subject of median size
SPREAD = 0.1  # of a subject's size around the median; that of the share of each tissue is a quarter of it
AXES = np.array([55.0, 70.0, 52.0])
FOLD_MM, SULCUS_MM = 7.5, 24.0  # between gyri, and how deep the cortex is folded
FISSURE_MM = 5.0  # a unit of the random field in the fissure between the hemispheres
NARROW, WIDE = 0.22, 0.75  # widths of a sulcus, and of the cortex on both of its sides
# Mean intensity of the classes air, CSF, grey and white matter. Grey and white matter are hard to tell apart.
SIGNAL = {"T1": np.array([0, 230, 480, 560]), "T2": np.array([0, 900, 620, 540])}
NOISE, BIAS, BLUR_MM = 45.0, 0.08, 0.6


def draw_labels(rng: np.random.Generator, grid: Grid) -> np.ndarray:
    """Labels (X, Y, Z) uint8 of a new brain: 0 air, 1 CSF, 2 grey matter, 3 white matter."""
    voxel_ml = float(np.prod(grid.spacing_mm)) / 1000
    size = 1 + SPREAD * rng.uniform(-1, 1)
    wanted = {name: size * ml * (1 + SPREAD / 4 * rng.uniform(-1, 1)) / voxel_ml for name, ml in VOLUMES_ML.items()}
    shape = AXES * (1 + 0.03 * rng.uniform(-1, 1, 3))
    radius = np.sqrt(inside(Ellipsoid(np.zeros(3), shape, np.eye(3)), grid)) - 0.02 * smooth_field(rng, grid, 40.0)
    brain = radius < _level(radius, sum(wanted.values()))
    depth_mm = (1 - radius[brain]) * float(AXES.mean())
    # Sulci are sheets, where a random field is nearly 0 or between the hemispheres; they end before the ventricles.
    fold = np.minimum(np.abs(smooth_field(rng, grid, FOLD_MM)), np.abs(grid.axes[0]) / FISSURE_MM)[brain]
    reach_mm = SULCUS_MM * np.clip(1.8 - depth_mm / SULCUS_MM, 0, 1)
    outer, inner = (depth_mm - reach_mm * np.exp(-((fold / width) ** 2)) for width in (NARROW, WIDE))
    ventricle, nuclei = (_pair(rng, grid, part)[brain] for part in ("ventricle", "nucleus"))
    tissue = np.full(depth_mm.shape, 2, np.uint8)
    inner[ventricle | nuclei] = -np.inf
    tissue[-inner < _level(-inner, wanted["wm"])] = 3
    outer[ventricle] = -np.inf
    outer[nuclei & ~ventricle] = np.inf
    tissue[outer < _level(outer, wanted["csf"])] = 1
    labels = np.zeros(grid.shape, np.uint8)
    labels[brain] = tissue
    return labels


def acquire(rng: np.random.Generator, labels: np.ndarray, grid: Grid, modality: str) -> np.ndarray:
    """The image (X, Y, Z) int16 of a brain without its skull: 1 or more in the brain, 0 around it."""
    signal = gaussian_filter(SIGNAL[modality].astype(np.float32)[labels], [BLUR_MM / mm for mm in grid.spacing_mm])
    signal *= np.exp(BIAS * smooth_field(rng, grid, 60.0))
    signal += NOISE * rng.standard_normal(signal.shape, np.float32)
    return np.where(labels > 0, np.clip(np.rint(signal), 1, 4000), 0).astype(np.int16)


def _level(values: np.ndarray, count: float) -> float:
    """The level with so many of the values below it."""
    return float(np.partition(values, round(count), axis=None)[round(count)])


def _pair(rng: np.random.Generator, grid: Grid, part: str) -> np.ndarray:
    """Where (X, Y, Z) bool the two lateral ventricles, or the two groups of nuclei beside them, lie."""
    away, radii, turn = {"ventricle": (9.0, (26, 5, 7), 0.15), "nucleus": (22.0, (18, 8, 10), 0.3)}[part]
    scale = 1 + 0.1 * rng.uniform(-1, 1)
    both = np.zeros(grid.shape, bool)
    for side in (-1, 1):
        rows = directions([side * turn, -1, 0.1])
        both |= inside(Ellipsoid(np.array([side * away, 0.0, 2.0]), scale * np.array(radii), rows), grid) < 1
    return both
