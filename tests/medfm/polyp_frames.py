"""Real frames of endoscopy with a polyp, whose place is drawn: HyperKvasir, CC BY 4.0."""

from pathlib import Path

import cv2
import numpy as np

from medfm.data.pictures import read_picture, squared


def polyp_frames(folder: Path, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames (N, side, side, 3) uint8, and masks (N, side, side) bool of their polyps, squashed to squares.

    Args:
        folder: with images/ and masks/ of the same names.
        side: px.
    """
    names = sorted(path.name for path in (folder / "images").iterdir())
    frames = np.stack([squared(read_picture(folder / "images" / name).pixels, side, 3) for name in names])
    drawn = [cv2.imread(str(folder / "masks" / name), cv2.IMREAD_GRAYSCALE) for name in names]
    return frames, np.stack([cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA) > 127 for mask in drawn])
