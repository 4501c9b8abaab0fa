"""What the readers of echo clips share: the decoded clip, its frame rate, and a limit on its size."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import cv2
import numpy as np

from reprise.step.errors import InputError

DEFAULT_FPS = 30.0
PLAUSIBLE_FPS = (1.0, 1000.0)
RATE_TOLERANCE = 0.05  # two frame rates that differ by less are the same, rounded
MOST_FRAMES = 20_000
PAUSE = 1.9  # a step between frames that is so many times the usual one is a pause, or a frame is missing
STRETCHED, SQUARE = 5.0, 0.02  # pixels of more than the first ratio are no scanner's; within the second they are square
LARGEST_BYTES = 3 * 2**28  # of the frames of one clip; handling it takes twice as much
LARGEST_FRAME = 2**26  # bytes of one frame as it is stored


class NoClipError(InputError):
    """A file is something else than a clip: a text, a scan of another modality. Nothing is wrong with it."""


class Clip(NamedTuple):
    """A decoded clip.

    frames: (F, H, W) uint8, grey.
    fps: frames per second.
    fps_source: the header field with the frame rate, or `assumed`.
    oddities: sentences on what in the file contradicts itself, and what was taken to be right.
    """

    frames: np.ndarray
    fps: float
    fps_source: str
    oddities: tuple[str, ...] = ()


def first_plausible(rates: Mapping[str, object]) -> tuple[float, str]:
    """The first rate from 1 to 1000 frames per second, with its name; 30 and `assumed` if there is none."""
    for name, value in rates.items():
        try:
            fps = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
        if PLAUSIBLE_FPS[0] <= fps <= PLAUSIBLE_FPS[1]:
            return fps, name
    return DEFAULT_FPS, "assumed"


def rate_of_steps(steps_ms: np.ndarray) -> tuple[float, list[str]]:
    """Frames per second by the median time between frames, and what is odd about these times."""
    steps_ms = steps_ms[steps_ms > 0]
    if not len(steps_ms):
        return 0.0, []
    usual, longest = float(np.median(steps_ms)), float(steps_ms.max())
    uneven = longest > PAUSE * usual
    oddity = f"its frames are {usual:.3g} ms apart, but up to {longest:.3g} ms in places: times there are wrong"
    return 1000 / usual, [oddity] if uneven else []


def with_square_pixels(frames: np.ndarray, height_by_width: float) -> tuple[np.ndarray, list[str]]:
    """Frames (F, H, W) with square pixels, and the finding if they had none.

    Args:
        height_by_width: height of a pixel divided by its width. 0 or a value that no scanner has counts as 1.
    """
    if not 1 / STRETCHED < height_by_width < STRETCHED or abs(height_by_width - 1) < SQUARE:
        return frames, []
    height, width = frames.shape[1:]
    size = (round(width / min(1, height_by_width)), round(height * max(1, height_by_width)))
    square = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR) for frame in frames])
    return square, [f"its pixels are {height_by_width:.3g} times as high as wide; they were made square"]


def stack_frames(frames: Iterable[np.ndarray]) -> np.ndarray:
    """Stack frames of one shape, (F, H, W).

    Raises:
        InputError: there are none, their shapes differ, or there are too many for the memory.
    """
    room, found = np.empty(0, np.uint8), 0
    for frame in frames:
        if not found:
            # Memory that nothing is written to costs nothing; a list of frames would have to be copied.
            room = np.empty((min(MOST_FRAMES, LARGEST_BYTES // frame.nbytes), *frame.shape), frame.dtype)
        if found == len(room):
            raise InputError(f"takes more than {LARGEST_BYTES >> 20} MB when decoded; cut it into shorter clips")
        if frame.shape != room.shape[1:]:
            raise InputError("changes its frame size within the clip")
        room[found] = frame
        found += 1
    if not found:
        raise InputError("holds no frame that can be decoded")
    return room[:found]
