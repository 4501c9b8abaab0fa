"""Small pictures of heat maps: the image, and beside it the map over the same image in grey."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from reprise.plots.slice_pictures import encoded

SIDE, GAP = 128, 4  # px of each half of a picture, and between them
LARGE = 224  # px of each half of a picture of a user's own image
MOST_BYTES = 1_000_000  # of all pictures of a folder together
QUALITIES = (80, 65, 50, 35, 20)  # of WebP, until the pictures fit
OPACITY = 0.7  # of the map where it is highest
GREEN = (0, 220, 90)


def map_picture(pixels: np.ndarray, heat: np.ndarray, truth: np.ndarray | None = None, side: int = SIDE) -> np.ndarray:
    """A picture (side, 2 side + GAP, 3) uint8 RGB of an image and a map.

    Args:
        pixels: the image (S, S, 1 or 3) uint8.
        heat: the map (H, W) from 0 to 1; the higher, the more opaque.
        truth: a mask (H, W) bool of where the finding is; its outline is drawn into the image.
        side: of each half, px.
    """
    image = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA).reshape(side, side, -1)
    image = np.array(np.broadcast_to(image, (side, side, 3)))
    grey = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2).astype(np.float32)
    level = np.clip(cv2.resize(heat.astype(np.float32), (side, side)), 0, 1)
    colour = cv2.applyColorMap(np.round(255 * level).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    opacity = OPACITY * level[..., None]
    mapped = np.round((1 - opacity) * grey + opacity * colour).astype(np.uint8)
    if truth is not None and truth.any():
        mask = cv2.resize(truth.astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(image, outlines, -1, GREEN, 1)
    return np.hstack([image, np.full((side, GAP, 3), 255, np.uint8), mapped])


def write_pictures(folder: Path, names: Sequence[str], pictures: Sequence[np.ndarray]) -> None:
    """Write pictures (H, W, 3) RGB as WebP files of these names, as well as all of them fit into `MOST_BYTES`."""
    for quality in QUALITIES:
        files = [encoded(".webp", picture[..., ::-1], cv2.IMWRITE_WEBP_QUALITY, quality) for picture in pictures]
        if sum(map(len, files)) <= MOST_BYTES:
            break
    for name, content in zip(names, files, strict=True):
        (folder / name).write_bytes(content)
