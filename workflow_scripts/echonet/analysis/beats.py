"""The left ventricle through a video: volumes by the method of discs, systoles, beats and the clips they need.

Coordinates are pixels, x to the right and y down; an image or mask is (height, width); volumes are pixels cubed,
because an ejection fraction needs no pixel spacing.
"""

from collections.abc import Iterable
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage, signal

DISCS = 20
MINIMUM_PIXELS = 40
STEP = 0.25  # px between samples along a chord
BASE = 0.1  # of the length: the axis ends in the middle of this part, next to the mitral plane

Trim = Literal["exponent", "percentile"]
Points = NDArray[np.float64]


def volume_from_tracing(tracing: ArrayLike) -> NDArray[np.float64]:
    """Volume in px^3 of one or many tracings.

    Single-plane method of discs (Schiller et al., J Am Soc Echocardiogr 1989): V = pi/4 * L/20 * sum of w^2, with
    L the length of the long axis and w those of the 20 short-axis chords.

    Args:
        tracing: (..., 21, 4) of x1, y1, x2, y2 in px; row 0 is the long axis. NaN gives NaN.
    """
    lines = np.asarray(tracing, dtype=float)
    if lines.shape[-2:] != (DISCS + 1, 4):
        raise ValueError(f"expected tracings of shape (..., {DISCS + 1}, 4), found {lines.shape}")
    lengths = np.hypot(lines[..., 2] - lines[..., 0], lines[..., 3] - lines[..., 1])
    return _discs(lengths[..., 0], lengths[..., 1:])


def volume_from_mask(mask: ArrayLike) -> float:
    """Volume in px^3 of a mask (height, width) by the method of discs.

    If the mask has several pieces, the largest counts. Its long axis runs from the middle of the mitral plane to the
    apex; 20 chords stand at right angles to it, at the middle of each disc.

    Returns NaN if the largest piece has fewer than 40 px or is less than half of the mask.
    """
    piece = _largest_piece(np.asarray(mask, dtype=bool))
    points = np.argwhere(piece)[:, ::-1].astype(float)
    if len(points) < MINIMUM_PIXELS:
        return float("nan")
    apex, base = _long_axis(points)
    along = (base - apex) / np.linalg.norm(base - apex)
    across = np.array([-along[1], along[0]])
    height, offset = points @ along, points @ across
    # `height` holds the centres of pixels, which are 1 px wide.
    length = np.ptp(height) + 1
    heights = height.min() - 0.5 + length * (np.arange(DISCS) + 0.5) / DISCS
    offsets = np.arange(offset.min() - 1, offset.max() + 1 + STEP, STEP)
    x, y = along[:, None, None] * heights[:, None] + across[:, None, None] * offsets
    inside = ndimage.map_coordinates(piece.astype(float), [y, x], order=1)
    return float(_discs(length, inside.sum(axis=-1) * STEP))


def ejection_fraction(end_diastolic: ArrayLike, end_systolic: ArrayLike) -> NDArray[np.float64]:
    """EF in percent, 100 * (EDV - ESV) / EDV; NaN where EDV is not positive."""
    edv, esv = np.asarray(end_diastolic, dtype=float), np.asarray(end_systolic, dtype=float)
    return 100 * (edv - esv) / np.where(edv > 0, edv, np.nan)


def find_systoles(areas: ArrayLike, trim_by: Trim, distance: int, prominence: float, trim: float) -> NDArray[np.intp]:
    """Frames of end-systole: the deep minima of the area curve.

    A minimum must be as deep as `prominence` times the curve's trimmed range, and at least `distance` frames away from
    a deeper minimum. The range lies between two ranks of the sorted areas: N * trim and N * (1 - trim) by
    `percentile`. The published rule, `exponent`, has N ** trim and N ** (1 - trim), most likely by mistake: for N = 176
    and 0.05 it takes ranks 1 and 136 instead of 9 and 167.

    Args:
        areas: (N,) area of the ventricle in each frame, px.

    Returns: frames in rising order; none for an empty or a constant curve.
    """
    curve = np.asarray(areas, dtype=float)
    if len(curve) < 3:  # a minimum needs a neighbour on either side
        return np.empty(0, dtype=np.intp)
    low, high = trimmed_ranks(len(curve), trim_by, trim)
    ranked = np.sort(curve)
    peaks, _ = signal.find_peaks(-curve, distance=distance, prominence=prominence * (ranked[high] - ranked[low]))
    return peaks


def trimmed_ranks(frames: int, trim_by: Trim, trim: float) -> tuple[int, int]:
    """The two ranks, from 0, between which the trimmed range of a sorted curve lies."""
    ranks = (frames**trim, frames ** (1 - trim)) if trim_by == "exponent" else (frames * trim, frames * (1 - trim))
    low, high = (min(round(rank), frames - 1) for rank in ranks)
    return low, high


def end_diastoles(areas: ArrayLike, systoles: Iterable[int]) -> NDArray[np.intp]:
    """The end-diastolic frame of each beat: the largest area between the previous systole and its own.

    If this is the video's first frame, the recording began after end-diastole. Then the frames up to the next systole
    count as well.
    """
    curve, ends = np.asarray(areas, dtype=float), list(systoles)
    begins = [0, *ends][: len(ends)]
    frames = [begin + int(np.argmax(curve[begin : end + 1])) for begin, end in zip(begins, ends, strict=True)]
    if frames and frames[0] == 0:
        frames[0] = int(np.argmax(curve[: ends[1] if len(ends) > 1 else None]))
    return np.array(frames, dtype=np.intp)


def beats_from_masks(masks: ArrayLike, systoles: ArrayLike) -> pd.DataFrame:
    """EF of each beat, from a video's masks alone.

    Args:
        masks: (N, height, width), non-zero inside the ventricle.
        systoles: end-systolic frames in rising order.

    Returns: one row per beat: beat (from 0), ed_frame, es_frame, edv_px3, esv_px3, ef in percent; NaN where a mask has
        no volume.
    """
    images, ends = np.asarray(masks) != 0, np.asarray(systoles, dtype=np.intp)
    begins = end_diastoles(images.sum(axis=(1, 2)), ends)
    edv, esv = (np.array([volume_from_mask(images[frame]) for frame in frames]) for frames in (begins, ends))
    columns = {"ed_frame": begins, "es_frame": ends, "edv_px3": edv, "esv_px3": esv, "ef": ejection_fraction(edv, esv)}
    return pd.DataFrame({"beat": np.arange(len(ends)), **columns})


def beat_starts(systoles: ArrayLike, last_start: int, lead: int, *, move_late: bool, repeat: bool) -> NDArray[np.intp]:
    """First frames of the clips that stand for a video's beats, in rising order.

    A beat's clip begins `lead` frames before its systole, or at 0 if that lies before the video.

    Args:
        systoles: end-systolic frames.
        last_start: the last frame at which a clip fits into the video.
        lead: frames.
        move_late: a beat that would begin after `last_start` uses the clip there; otherwise it is dropped.
        repeat: a clip of several beats is given once for each of them; otherwise once.
    """
    starts = np.maximum(np.asarray(systoles, dtype=np.intp) - lead, 0)
    starts = np.minimum(starts, last_start) if move_late else starts[starts <= last_start]
    return np.sort(starts) if repeat else np.unique(starts)


def clip_starts_for_beats(systoles: ArrayLike, n_frames: int, lead: int, length: int, period: int) -> NDArray[np.intp]:
    """Starts of all clips that a beat-by-beat analysis needs under any rule: the first clip, and each beat's.

    A clip is `length` frames, `period` apart; a video shorter than `length * period` frames is padded to that.
    """
    last = max(n_frames, length * period) - (length - 1) * period - 1
    return np.union1d([0], beat_starts(systoles, last, lead, move_late=True, repeat=False)).astype(np.intp)


def _discs(length: ArrayLike, widths: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.pi / 4 * np.asarray(length) / DISCS * np.square(widths).sum(axis=-1)


def _largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected piece (by sides or corners), or nothing if it is less than half of the mask."""
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())[1:]
    if not len(sizes) or 2 * sizes.max() < sizes.sum():
        return np.zeros_like(mask)
    return labels == np.argmax(sizes) + 1


def _long_axis(points: Points) -> tuple[Points, Points]:
    """Apex and middle of the mitral plane, both (2,) as x, y, of a ventricle's pixels (n, 2).

    In an apical view the apex is up. So the mitral plane is at the lower end of the more upright principal axis, and
    the apex is the point farthest from it.
    """
    axes = np.linalg.eigh(np.cov(points.T))[1]
    upright = axes[:, np.argmax(np.abs(axes[1]))]
    down = points @ (upright if upright[1] >= 0 else -upright)
    base = points[down >= down.max() - BASE * np.ptp(down)].mean(axis=0)
    distance = np.linalg.norm(points - base, axis=1)
    return points[distance >= distance.max() - 1].mean(axis=0), base
