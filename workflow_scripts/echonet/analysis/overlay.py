"""Overlay videos: a clip, the same clip with its mask, and below them the area over time with a marker."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from reprise.plots.film import Curve, Mark, Plot, enlarge, enlarge_mask, tint, write_film
from reprise.plots.style import GREEN, ORANGE, SKY

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
        yield np.concatenate([enlarge(frame), painted(frame, mask)], axis=1)


def painted(frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A frame (H, W, C), enlarged to (h, w, 3), with the mask (H, W) of the left ventricle in colour."""
    return tint(enlarge(frame), enlarge_mask(mask), MASK)


def area_plot(
    areas: np.ndarray, systoles: Sequence[int], fps: float, human: tuple[int, int] | None, title: str
) -> Plot:
    """The curve of areas (F,) in px with its lines; an area that is not finite is a gap."""
    marks = [Mark(frame, SYSTOLE, "" if index else "ES computed", False) for index, frame in enumerate(systoles)]
    if human:
        marks += [Mark(human[1], SYSTOLE, "ES traced", True), Mark(human[0], DIASTOLE, "ED traced", True)]
    return Plot(title, [Curve(np.asarray(areas, float), MASK, "LV area")], marks, "area (px)", fps)
