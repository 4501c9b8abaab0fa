"""What the readers of echo clips share: the decoded clip, its frame rate, and a limit on its size."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from reprise.step.errors import InputError

DEFAULT_FPS = 30.0
PLAUSIBLE_FPS = (1.0, 1000.0)
LARGEST_BYTES = 2**30  # of one clip in memory; handling it takes about three times as much


class NoClipError(InputError):
    """A file is something else than a clip: a text, a scan of another modality. Nothing is wrong with it."""


class Clip(NamedTuple):
    """A decoded clip.

    frames: (F, H, W) uint8, grey.
    fps: frames per second.
    fps_source: the header field with the frame rate, or `assumed`.
    """

    frames: np.ndarray
    fps: float
    fps_source: str


def first_plausible(rates: dict[str, object]) -> tuple[float, str]:
    """The first rate from 1 to 1000 frames per second, with its name; 30 and `assumed` if there is none."""
    for name, value in rates.items():
        try:
            fps = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
        if PLAUSIBLE_FPS[0] <= fps <= PLAUSIBLE_FPS[1]:
            return fps, name
    return DEFAULT_FPS, "assumed"


def stack_frames(frames: Iterable[np.ndarray]) -> np.ndarray:
    """Stack frames of one shape, (F, H, W).

    Raises:
        InputError: there are none, their shapes differ, or there are too many for the memory.
    """
    kept: list[np.ndarray] = []
    for frame in frames:
        kept.append(frame)
        if len(kept) * frame.nbytes > LARGEST_BYTES:
            raise InputError(f"takes more than {LARGEST_BYTES // 2**30} GiB when decoded; cut it into shorter clips")
        if frame.shape != kept[0].shape:
            raise InputError("changes its frame size within the clip")
    if not kept:
        raise InputError("holds no frame that can be decoded")
    return np.stack(kept)
