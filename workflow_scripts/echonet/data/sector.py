"""Finds the ultrasound sector on a scanner's screen, crops to it and blackens everything else.

Speckle flickers from frame to frame; text, rulers, colour bars and a drawn electrocardiogram rarely do. The sector is
taken to be the convex hull of what flickers. A real sector is convex, so it contains this hull, and no text beside it
is kept. Without motion (a single or a frozen frame) the sector is the hull of the largest area that differs from the
background.
"""

from itertools import compress, pairwise
from typing import NamedTuple

import cv2
import numpy as np

FLICKER = (
    2,
    4,
    8,
)  # grey levels: compression changes black by less than the first, an analogue copy by less than the others
FLICKER_SHARE = 0.2  # a pixel of the sector changes in at least this fraction of the frames
REPEATED = 0.1  # a frame with fewer changed pixels than this fraction of the usual number is a repeat
BRIGHT = 5  # a bright pixel differs from the background by more grey levels
STROKE = 0.012  # of the picture's shorter side: about the width of a stroke of text
SMALLEST_PART = 0.02  # of the largest part
SMALLEST_SECTOR, WHOLE_PICTURE = 0.02, 0.95  # of the picture
TWIN = 0.5  # the smaller one of two sectors side by side has at least this fraction of the larger one's area
PROOF, BRIGHT_TEXT = 5, 60  # frames that show what stays the same; grey level of text
STEADY = 0.5  # text over tissue, its strokes half transparent, changes at most this much of what tissue does
SHARP = 48  # grey levels between two neighbouring pixels at the edge of text; tissue has hardly any such step
TRIM = 0.1  # cut off each side of the centre square if no sector is found, as the original conversion does
SCREEN = 0.75  # height of a screen divided by its width


class Sector(NamedTuple):
    """Where the sector is.

    mask: (H, W) bool.
    found_by: `motion`, `two` (it is the left one of two that lie side by side), `brightness`, `whole` (it fills the
        picture, so nothing could be masked), or `nothing` (the mask is then the trimmed centre square).
    """

    mask: np.ndarray
    found_by: str


def find_sector(frames: np.ndarray) -> Sector:
    """Find the sector in the frames of one clip, (F, H, W) uint8. Of two sectors side by side, it is the left one."""
    for level in FLICKER:
        parts, several = _left_part(_large_parts(_flickers(frames, level), SMALLEST_PART))
        mask = _hull(parts)
        if mask.mean() <= WHOLE_PICTURE:
            break
    found_by = "two" if several else "motion"
    if mask.mean() < SMALLEST_SECTOR:
        mask, found_by = _hull(_large_parts(_differs_from_background(frames), 1.0)), "brightness"
    if mask.mean() < SMALLEST_SECTOR:
        return Sector(_centre(frames.shape[1:]), "nothing")
    return Sector(mask, "whole" if mask.mean() > WHOLE_PICTURE else found_by)


def without_static_text(frames: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The mask (H, W) bool without what looks like burned-in text, a ruler or a mark.

    That is each sharp edge of the darkest values over time, if it changes less than the tissue does: ultrasound blurs
    all edges of tissue, and tissue that moves is dark at times. Where the clip moves, it is also each bright stroke
    that stays the same.
    """
    darkest = frames.min(axis=0)
    change = frames.max(axis=0) - darkest
    steady = mask & (change <= max(FLICKER[-1], STEADY * np.median(change[mask])))
    # Closed, because the inside of a thick stroke has no edge.
    text = cv2.morphologyEx(_sharp_edges(darkest) * steady, cv2.MORPH_CLOSE, _disc(2 * _stroke(mask)))
    bright = mask & (change <= FLICKER[-1]) & (darkest > BRIGHT_TEXT)
    if len(frames) >= PROOF and (mask & (change > FLICKER[-1])).sum() > bright.sum():
        wide = cv2.morphologyEx(bright.astype(np.uint8), cv2.MORPH_OPEN, _disc(4 * _stroke(mask)))
        text = text | (bright & (wide == 0))
    return mask & (cv2.dilate(text, np.ones((5, 5), np.uint8)) == 0)


def cut_out(frames: np.ndarray, mask: np.ndarray, clean: np.ndarray, size: int) -> np.ndarray:
    """Crop frames to a sector and down-sample them; outside the sector, and in text, they become black.

    The crop is a square around the sector's bounding box, as high as the sector, or larger if the sector is wider
    than 4 : 3. Outside the picture it is black. Interpolation is cubic, as in EchoNet-Dynamic.

    Args:
        frames: (F, H, W) uint8.
        mask: (H, W) bool, the sector, not empty.
        clean: (H, W) bool, the part of it without text.
        size: pixels on each side of the result.

    Returns:
        (F, size, size) uint8.
    """
    top, left, side = crop_square(mask)
    small_mask = cv2.resize(_crop(mask.astype(np.float32), top, left, side), (size, size), interpolation=cv2.INTER_AREA)
    cropped = (_crop(frame * clean, top, left, side) for frame in frames)
    small = [cv2.resize(frame, (size, size), interpolation=cv2.INTER_CUBIC) for frame in cropped]
    return np.stack(small) * (small_mask > 0.5)


def crop_square(mask: np.ndarray) -> tuple[int, int, int]:
    """Top, left and side, in pixels, of the square around the mask; it may reach beyond the picture."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    side = max(height, round(SCREEN * width))
    return int(rows[0] - (side - height) // 2), int(columns[0] - (side - width) // 2), int(side)


def _flickers(frames: np.ndarray, level: int) -> np.ndarray:
    """Pixels (H, W) bool that change by more than `level` in enough of the frames; repeated frames do not count."""
    changed = np.array([(cv2.absdiff(before, after) > level).mean() for before, after in pairwise(frames)])
    if not changed.any():
        return np.zeros(frames.shape[1:], bool)
    fresh = changed >= REPEATED * np.median(changed[changed > 0])
    times = np.zeros(frames.shape[1:], int)
    for before, after in compress(pairwise(frames), fresh):  # computed again, because to keep them takes much memory
        times += cv2.absdiff(before, after) > level
    return times >= FLICKER_SHARE * fresh.sum()


def _differs_from_background(frames: np.ndarray) -> np.ndarray:
    """Pixels (H, W) bool whose surroundings differ from the picture's most frequent grey."""
    picture = np.median(frames[:: max(1, len(frames) // 9)], axis=0).astype(np.uint8)
    background = np.bincount(picture.ravel(), minlength=256).argmax()
    smooth = cv2.medianBlur(picture, _stroke(picture) | 1)
    return np.abs(smooth.astype(int) - background) > BRIGHT


def _large_parts(found: np.ndarray, smallest: float) -> np.ndarray:
    """Connected parts with at least the fraction `smallest` of the largest part's area; thin strokes are removed."""
    opened = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, _disc(_stroke(found)))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA].astype(float)
    areas[0] = 0
    return (areas >= max(1.0, smallest * areas.max()))[labels]


def _left_part(parts: np.ndarray) -> tuple[np.ndarray, bool]:
    """The left one of two large parts whose columns do not overlap, and True; else all parts, and False."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(parts.astype(np.uint8), connectivity=4)
    areas = stats[1:, cv2.CC_STAT_AREA]
    large = 1 + np.flatnonzero(areas >= TWIN * areas.max(initial=1))
    left = sorted((stats[label, cv2.CC_STAT_LEFT], stats[label, cv2.CC_STAT_WIDTH], label) for label in large)
    if len(left) != 2 or left[0][0] + left[0][1] > left[1][0]:
        return parts, False
    return labels == left[0][2], True


def _sharp_edges(picture: np.ndarray) -> np.ndarray:
    """Pixels (H, W) uint8, 0 or 1, at a step to the neighbour on the left or above."""
    across, down = np.ones((1, 2), np.uint8), np.ones((2, 1), np.uint8)
    steps = (cv2.morphologyEx(picture, cv2.MORPH_GRADIENT, pair) for pair in (across, down))
    return (np.maximum(*steps) > SHARP).astype(np.uint8)


def _disc(size: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))


def _stroke(picture: np.ndarray) -> int:
    return max(3, round(STROKE * min(picture.shape)))


def _hull(parts: np.ndarray) -> np.ndarray:
    """The convex hull (H, W) bool of all parts together; empty if there are none."""
    points = cv2.findNonZero(parts.astype(np.uint8))
    if points is None:
        return np.zeros_like(parts)
    return cv2.fillConvexPoly(np.zeros(parts.shape, np.uint8), cv2.convexHull(points), 1).astype(bool)


def _centre(shape: tuple[int, ...]) -> np.ndarray:
    """The centre square, cut on all sides, because headers, depth marks and text are usually there."""
    height, width = shape
    half = max(1, round((0.5 - TRIM) * min(shape)))
    mask = np.zeros((height, width), bool)
    mask[max(0, height // 2 - half) : height // 2 + half, max(0, width // 2 - half) : width // 2 + half] = True
    return mask


def _crop(picture: np.ndarray, top: int, left: int, side: int) -> np.ndarray:
    """A square of the picture; black where it reaches beyond it."""
    height, width = picture.shape
    out = np.zeros((side, side), picture.dtype)
    rows, columns = slice(max(0, top), min(height, top + side)), slice(max(0, left), min(width, left + side))
    out[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = picture[rows, columns]
    return out
