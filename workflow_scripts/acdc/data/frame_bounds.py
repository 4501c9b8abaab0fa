"""How large a user's own stack may be; asked before any pixel is read."""

import math
from collections.abc import Sequence

from reprise.step.errors import InputError

MOST_PIXELS = 2**26  # of all frames together: a cine of 30 frames has a quarter of it
MOST_FRAMES, MOST_SLICES, LONGEST_SIDE = 200, 100, 2048


def refuse_large(shape: Sequence[int]) -> None:
    """Raise InputError if frames (T, N, H, W) are more than any scanner makes."""
    frames, slices, *sides = shape
    if frames > MOST_FRAMES or slices > MOST_SLICES or max(sides) > LONGEST_SIDE or math.prod(shape) > MOST_PIXELS:
        raise InputError(
            f"expected at most {MOST_FRAMES} frames, {MOST_SLICES} slices, {LONGEST_SIDE} pixels a side and "
            f"{MOST_PIXELS >> 20} million in all, found {frames} x {slices} x {sides[0]} x {sides[1]}"
        )
