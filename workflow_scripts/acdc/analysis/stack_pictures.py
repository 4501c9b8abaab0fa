"""Pictures of a slice with its structures, each in its own colour, and the names of both."""

import cv2
import numpy as np
from matplotlib.colors import to_rgb

from acdc.analysis.protocols import STRUCTURES
from reprise.plots.confusion_map import as_grey
from reprise.plots.slice_pictures import display_size, encoded
from reprise.plots.style import SKY, VERMILLION, YELLOW

NAMES = {"rv": "right ventricle", "myo": "myocardium", "lv": "left ventricle"}
COLOURS = {"rv": SKY, "myo": YELLOW, "lv": VERMILLION}
TINT = 0.35  # of the colour, inside an area; its border is opaque


def overlay(grey: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """A slice (H, W) uint8 in its proportions in mm, (h, w, 3) uint8 RGB, with the areas of labels (H, W) in colour."""
    size = display_size(grey.shape, spacing_mm)  # type: ignore[arg-type]
    large = cv2.resize(grey, size[::-1], interpolation=cv2.INTER_CUBIC)
    areas = cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST)
    picture = np.repeat(large[..., None], 3, axis=-1).astype(np.float32)
    for name, label in STRUCTURES.items():
        area = areas == label
        inner = cv2.erode(area.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
        strength = np.where(area, np.where(inner, TINT, 1.0), 0.0)[..., None]
        picture += strength * (255 * np.array(to_rgb(COLOURS[name])) - picture)
    return np.rint(picture).astype(np.uint8)


def png_of(picture: np.ndarray) -> bytes:
    """A picture (h, w, 3) RGB, or labels (H, W), as the content of a PNG file."""
    channels = picture[..., ::-1] if picture.ndim == 3 else picture
    return encoded(".png", np.ascontiguousarray(channels), cv2.IMWRITE_PNG_COMPRESSION, 6)


def grey_frame(frame: np.ndarray) -> np.ndarray:
    """The slices (N, H, W) of a frame as uint8, all with one window."""
    return as_grey(frame)


def colour_mask(labels: np.ndarray) -> np.ndarray:
    """Labels (H, W) as a picture (H, W, 3) uint8 RGB on black, on the labels' own grid."""
    palette = np.zeros((len(STRUCTURES) + 1, 3), np.uint8)
    for name, label in STRUCTURES.items():
        palette[label] = np.rint(255 * np.array(to_rgb(COLOURS[name])))
    return palette[labels]
