"""Images like X-rays, stained sections and endoscopy, on which each finding is drawn where the truth says."""

from collections.abc import Sequence

import cv2
import numpy as np

from medfm.analysis.protocols import TASKS

Rng = np.random.Generator
Box = dict[str, int]  # in pixels, without its last row and column
# How a finding looks: centre and radii (y, x) of an ellipse, as shares of the sides; what it adds; its texture.
MARKS: dict[str, dict[str, tuple]] = {
    "chest": {
        "pleural_effusion": (0.80, 0.30, 0.09, 0.15, 0.45, "flat"),
        "nodule": (0.42, 0.30, 0.04, 0.04, 0.50, "flat"),
        "pneumonia": (0.58, 0.29, 0.11, 0.10, 0.40, "soft"),
        "cardiomegaly": (0.64, 0.54, 0.16, 0.22, 0.30, "flat"),
        "hilar_enlargement": (0.48, 0.42, 0.07, 0.05, 0.45, "soft"),
        "fracture_old": (0.35, 0.13, 0.02, 0.06, -0.50, "flat"),
        "fibrosis": (0.66, 0.30, 0.12, 0.11, 0.40, "net"),
        "aortic_calcification": (0.28, 0.55, 0.05, 0.05, 0.40, "dots"),
        "tortuous_aorta": (0.42, 0.58, 0.16, 0.05, 0.25, "flat"),
        "thickened_pleura": (0.50, 0.15, 0.25, 0.02, 0.45, "flat"),
        "TB": (0.27, 0.30, 0.08, 0.09, 0.50, "dots"),
        "pneumothorax": (0.28, 0.21, 0.10, 0.06, -0.35, "flat"),
        "emphysema": (0.50, 0.30, 0.26, 0.12, -0.25, "soft"),
        "atelectasis": (0.70, 0.30, 0.03, 0.13, 0.45, "flat"),
        "calcification": (0.54, 0.27, 0.06, 0.06, 0.60, "dots"),
        "pulmonary_edema": (0.50, 0.36, 0.17, 0.10, 0.40, "soft"),
        "increased_lung_markings": (0.55, 0.32, 0.20, 0.13, 0.35, "net"),
        "elevated_diaphragm": (0.74, 0.70, 0.10, 0.15, 0.50, "flat"),
        "consolidation": (0.42, 0.29, 0.11, 0.10, 0.50, "flat"),
    },
    "colon": {"tumor": (0.50, 0.50, 0.36, 0.36, (-0.35, -0.35, -0.10), "dots")},
    "endo": {
        "ulcer": (0.40, 0.35, 0.12, 0.10, (0.20, 0.45, 0.30), "flat"),
        "erosion": (0.65, 0.35, 0.10, 0.10, (-0.10, -0.30, -0.25), "dots"),
        "polyp": (0.45, 0.65, 0.14, 0.12, (0.25, 0.20, 0.20), "soft"),
        "tumor": (0.60, 0.55, 0.22, 0.20, (-0.40, -0.20, -0.05), "net"),
    },
}


def drawn(rng: Rng, style: Rng, task: str, labels: Sequence[int], size: int) -> tuple[np.ndarray, dict[str, Box]]:
    """One image (H, W, C) uint8 of a task, `size` pixels high, and for each of its findings the box.

    `rng` draws what differs between images; `style` what images of one study or slide share, such as the stain.
    """
    height, width = size, size * 5 // 4 if task == "endo" else size
    y, x = np.mgrid[0.5 / height : 1 : 1 / height, 0.5 / width : 1 : 1 / width]
    image = {"chest": _thorax, "colon": _section, "endo": _bowel}[task](rng, style, y, x)
    shown = [finding for finding, label in zip(TASKS[task], labels, strict=True) if label]
    wander = 0.02 if task == "chest" else 0.1  # how far a finding may lie from its place
    boxes = {finding: _draw(rng, image, y, x, MARKS[task][finding], wander) for finding in shown}
    image += rng.normal(0, 0.02, image.shape)
    return np.clip(np.round(255 * image), 0, 255).astype(np.uint8), boxes


def _draw(rng: Rng, image: np.ndarray, y: np.ndarray, x: np.ndarray, mark: tuple, wander: float) -> Box:
    """Draw a finding into an image; its box."""
    top, left, *radii, adds, texture = mark
    place, grown = rng.uniform(-wander, wander, 2), rng.uniform(0.9, 1.1)
    distance = np.hypot((y - top - place[0]) / radii[0], (x - left - place[1]) / radii[1]) / grown
    inside, grains = distance < 1, _noise(rng, y, 60) > 0
    shape = {
        "flat": inside,
        "soft": inside * np.exp(-2 * distance**2),
        "dots": inside & grains,
        "net": inside * (np.abs(np.sin(60 * y)) + np.abs(np.sin(60 * x))) / 1.5,
    }[texture]
    image += shape[..., None] * np.atleast_1d(adds)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return {"top": rows[0], "left": columns[0], "bottom": rows[-1] + 1, "right": columns[-1] + 1}


def _noise(rng: Rng, y: np.ndarray, cells: int = 5) -> np.ndarray:
    """Smooth noise (H, W) of about 1; above 0, with many cells, are small grains, such as the nuclei of cells."""
    return cv2.resize(rng.normal(size=(cells, cells)), y.shape[::-1], interpolation=cv2.INTER_CUBIC)


def _thorax(rng: Rng, style: Rng, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Bright tissue, dark lungs with ribs, a heart and a spine, in a dark field (H, W, 1)."""
    top, left, scale = rng.normal(0, 0.015), rng.normal(0, 0.015), rng.normal(1, 0.03)
    y, x = (y - 0.5 - top) * scale + 0.5, (x - 0.5 - left) * scale + 0.5
    body = np.hypot((y - 0.6) / 0.75, (x - 0.5) / 0.48) < 1
    lungs = np.minimum(*(np.hypot((y - 0.5) / 0.36, (x - side) / 0.17) for side in (0.3, 0.7))) < 1
    image = np.where(body, 0.62, 0.05) - 0.38 * lungs + 0.06 * lungs * np.sin(55 * (y + (x - 0.5) ** 2))
    image += 0.35 * (np.hypot((y - 0.62) / 0.12, (x - 0.56) / 0.12) < 1) * lungs + 0.12 * (np.abs(x - 0.5) < 0.03)
    return (image + 0.06 * _noise(rng, y))[..., None] * style.uniform(0.9, 1.05)


def _section(rng: Rng, style: Rng, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Pink tissue with rings of dark nuclei (H, W, 3); the stain is that of the slide."""
    image = np.ones((*y.shape, 3)) * (np.array([0.90, 0.70, 0.82]) + style.normal(0, 0.04, 3))
    nuclei = _noise(rng, y, 60) > 0
    for top, left, radius in rng.uniform((0.05, 0.05, 0.10), (0.95, 0.95, 0.18), (5, 3)):
        ring = np.abs(np.hypot(y - top, x - left) - radius) < 0.03
        image += (ring & nuclei)[..., None] * np.array([-0.25, -0.30, -0.12])
    return image + 0.05 * _noise(rng, y)[..., None]


def _bowel(rng: Rng, style: Rng, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A red tube with folds and a bright spot, black outside the lens (H, W, 3); the light is that of the study."""
    (top, left), glare = rng.uniform(0.35, 0.65, 2), rng.uniform(0.2, 0.8, 2)
    depth = np.hypot(y - top, x - left)
    light = 0.35 + 0.7 * depth + 0.06 * np.sin(40 * depth + rng.uniform(0, 6)) + 0.07 * _noise(rng, y)
    image = light[..., None] * (np.array([0.95, 0.50, 0.40]) + style.normal(0, 0.04, 3))
    image += 0.5 * np.exp(-((y - glare[0]) ** 2 + (x - glare[1]) ** 2) / 0.0008)[..., None]
    return image * (np.hypot((y - 0.5) / 0.6, (x - 0.5) / 0.56) < 1)[..., None]
