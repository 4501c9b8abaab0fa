"""Predicts one clip without any tracing: masks, area curve, beats, and EF of each beat by two networks.

EF from the masks is the method of discs on the contours of the segmentation network. EF by regression comes from the
video network, for the frames around the beat's end-systole. The networks see frames, not seconds.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn

from echonet.analysis.beats import beat_starts, beats_from_masks, find_systoles
from echonet.learning.clips import n_starts
from echonet.learning.ef_prediction import predict_clips
from echonet.learning.segmentation_masks import segment_frames

BEAT_SECONDS = 0.4  # least time between systoles: 20 frames at 50 frames per second, as published
PROMINENCE = 0.5
TRIM = 0.05
ALL_BEATS = "all"
Network = tuple[nn.Module, dict[str, Any]]  # as `load_model` gives it
COLUMNS = ["beat", "ed_frame", "es_frame", "ed_s", "es_s", "edv_px3", "esv_px3", "ef_masks", "start", "ef_regression"]


class Prediction(NamedTuple):
    """What two networks find in one clip.

    masks: (F, H, W) bool.
    areas: (F,) px.
    systoles: frames of end-systole.
    beats: one row per beat (`beat` 1, 2, ...), then one row of their averages (`beat` is `all`). The columns are
        COLUMNS: frames and seconds of end-diastole and end-systole, volumes in px^3, EF in percent, and the first
        frame that the regression used.
    notes: sentences that a reader of the numbers must know.
    """

    masks: np.ndarray
    areas: np.ndarray
    systoles: np.ndarray
    beats: pd.DataFrame
    notes: list[str]


def predict_own_clip(
    frames: np.ndarray, fps: float, segmentation: Network, regression: Network, device: torch.device
) -> Prediction:
    """Predict a clip, frames (F, H, W, C) uint8, by both networks.

    If there is no systole, the row `all` has the regression's EF of the first frames. A single frame gets no EF.
    """
    masks = segment_frames(*segmentation, frames, device)
    areas = masks.sum(axis=(1, 2))
    systoles = find_systoles(areas, "percentile", max(1, round(BEAT_SECONDS * fps)), PROMINENCE, TRIM)
    length, period = (regression[1][name] for name in ("frames", "period"))
    starts = _starts(systoles, len(frames), length, period)
    wanted = np.unique(starts) if len(starts) else np.array([0])
    efs = pd.Series(np.nan, index=wanted)
    if len(frames) > 1:
        efs[:] = predict_clips(*regression, frames, wanted, device)
    beats = _table(beats_from_masks(masks, systoles), starts, efs, fps)
    return Prediction(masks, areas, systoles, beats, _notes(len(frames), areas, systoles, length * period))


def _starts(systoles: np.ndarray, n_frames: int, length: int, period: int) -> np.ndarray:
    """First frame of each beat's clip. The systole is its middle, if the video is long enough."""
    last = int(n_starts(n_frames, length, period)) - 1
    return beat_starts(systoles, last, length * period // 2, move_late=True, repeat=True)


def _table(beats: pd.DataFrame, starts: np.ndarray, efs: pd.Series, fps: float) -> pd.DataFrame:
    """Beats with both EFs, and their averages in a last row. A clip of two beats counts once."""
    rows = beats.rename(columns={"ef": "ef_masks"}).assign(
        beat=[str(beat + 1) for beat in beats["beat"]],
        ed_s=beats["ed_frame"] / fps,
        es_s=beats["es_frame"] / fps,
        start=starts,
        ef_regression=efs.reindex(starts).to_numpy(),
    )
    average = {"beat": ALL_BEATS, "ef_masks": rows["ef_masks"].mean(), "ef_regression": efs.mean()}
    table = pd.concat([rows, pd.DataFrame([average])], ignore_index=True)[COLUMNS]
    whole = ["ed_frame", "es_frame", "start"]
    return table.astype(dict.fromkeys(whole, "Int64"))


def _notes(n_frames: int, areas: np.ndarray, systoles: np.ndarray, needed: int) -> list[str]:
    notes = []
    if n_frames == 1:
        return ["A single frame: no beat, and no EF."]
    if not areas.any():
        notes.append("The segmentation network found no left ventricle in any frame.")
    elif (areas == 0).any():
        notes.append(f"No left ventricle was found in {(areas == 0).sum()} of {n_frames} frames.")
    if not len(systoles):
        notes.append("No end-systole was found; the regression's EF is that of the first frames.")
    if n_frames < needed:
        notes.append(f"{n_frames} frames, fewer than the {needed} that the regression needs: the rest is blank.")
    return notes
