"""Overlay videos: a clip, the same clip with its mask, and below them the area over time with a marker."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.colors import to_rgb

from reprise.plots.film import Curve, Mark, Plot, write_film
from reprise.plots.style import GREEN, ORANGE, SKY

SCALE = 3  # odd, so that the centre of a source pixel is the centre of a pixel of the video
OPACITY = 0.3
CONTOUR_PX = 2
MASK, DIASTOLE, SYSTOLE = SKY, GREEN, ORANGE


def write_overlay_video(
    path_mp4: str | Path,
    path_avi: str | Path | None,
    frames: np.ndarray,
    masks: np.ndarray,
    areas: np.ndarray,
    systoles: Sequence[int],
    fps: float,
    human: tuple[int, int] | None,
    title: str,
) -> None:
    """Write a clip's overlay video as H.264 MP4 and, if wanted, as MJPG AVI, see `write_film`.

    Args:
        path_mp4: file to write.
        path_avi: a second file, or None; both appear or neither.
        frames: (F, H, W, C) uint8, RGB or grey (C = 3 or 1).
        masks: (F, H, W) bool.
        areas: (F,) area of each mask, px.
        systoles: frames that were found to be end-systoles; solid lines.
        fps: frames per second, of the clip and of the video.
        human: the frames that were traced as end-diastole and as end-systole, dashed lines; or None.
        title: a short line.

    Raises:
        ValueError: the arrays differ in their number of frames, or there are no frames.
        InputError: the disk is full, or the folder cannot be written.
    """
    if not len(frames) == len(masks) == len(areas) or not len(frames):
        raise ValueError(f"{len(frames)} frames, {len(masks)} masks and {len(areas)} areas do not make a video")
    write_film(path_mp4, path_avi, side_by_side(frames, masks), area_plot(areas, systoles, fps, human, title))


def side_by_side(frames: np.ndarray, masks: np.ndarray) -> Iterator[np.ndarray]:
    """Yield each frame (h, w, 3) uint8, enlarged, with the same frame and its mask on its right."""
    for frame, mask in zip(frames, masks, strict=True):
        image = enlarge(frame)
        yield np.concatenate([image, paint(image, enlarge_mask(mask))], axis=1)


def enlarge(frame: np.ndarray) -> np.ndarray:
    """Enlarge a frame (H, W, C), grey or RGB, to (H * SCALE, W * SCALE, 3) by cubic interpolation."""
    large = cv2.resize(frame, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    return large if large.ndim == 3 else np.repeat(large[..., None], 3, axis=2)


def enlarge_mask(mask: np.ndarray) -> np.ndarray:
    """Enlarge a mask (H, W) bool with a smooth border; the centre of each source pixel keeps its value."""
    large = cv2.resize(mask.astype(np.float32), None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    return large > 0.5


def paint(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Tint an image (H, W, 3) where the mask (H, W) is true and draw its inner border; no other pixel changes."""
    colour = np.empty_like(image)
    colour[:] = np.rint(255 * np.array(to_rgb(MASK)))
    area = mask.astype(np.uint8)
    inner = cv2.erode(area, np.ones((3, 3), np.uint8), iterations=CONTOUR_PX, borderValue=0)
    tinted = cv2.addWeighted(image, 1 - OPACITY, colour, OPACITY, 0)
    return cv2.copyTo(tinted, inner, cv2.copyTo(colour, area, image.copy()))


def area_plot(
    areas: np.ndarray, systoles: Sequence[int], fps: float, human: tuple[int, int] | None, title: str
) -> Plot:
    """The curve of areas (F,) in px with its lines; an area that is not finite is a gap."""
    marks = [Mark(frame, SYSTOLE, "" if index else "ES computed", False) for index, frame in enumerate(systoles)]
    if human:
        marks += [Mark(human[1], SYSTOLE, "ES traced", True), Mark(human[0], DIASTOLE, "ED traced", True)]
    return Plot(title, [Curve(np.asarray(areas, float), MASK, "LV area")], marks, "area (px)", "time (s)", fps)
