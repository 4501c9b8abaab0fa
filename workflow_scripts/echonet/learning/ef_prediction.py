"""A regression network's prediction for clips of videos, in memory that does not grow with their number."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from echonet.learning.clips import clip_rows, downsample, normalise_clips
from reprise.data.placed import as_tensor, taken
from reprise.inference.network import in_batches
from reprise.step.device import autocast

CLIPS_AT_A_TIME = 32


def predict_clips(
    model: nn.Module, info: Mapping[str, Any], frames: np.ndarray, starts: ArrayLike, device: torch.device
) -> NDArray[np.float64]:
    """Predictions (n,) for the clips of one video, frames (F, H, W, C) uint8, that begin at `starts` (n,)."""
    return next(predict_videos(model, info, frames, [0], [len(frames)], [np.asarray(starts)], device))


def predict_videos(
    model: nn.Module,
    info: Mapping[str, Any],
    frames: np.ndarray,
    offsets: ArrayLike,
    n_frames: ArrayLike,
    starts: Sequence[NDArray[np.integer]],
    device: torch.device,
) -> Iterator[NDArray[np.float64]]:
    """Predictions for each video's clips, one video after another, as soon as its last clip is done.

    Batches run across videos. Of a batch only the distinct frames are read and sent to the device, where they are
    gathered into clips: consecutive clips share most of their frames.

    Args:
        model: network in evaluation mode on the device.
        info: what `load_model` gave with it.
        frames: (N, H, W, C) uint8, all videos one after another, in memory or in a memory map.
        offsets: (V,) index of each video's first frame.
        n_frames: (V,) frames of each video.
        starts: for each video, the source frames at which its clips begin.
        device: where the network is.
    """
    mean, std = info["normalisation"]["mean"], info["normalisation"]["std"]
    video = np.repeat(np.arange(len(starts)), [len(of_video) for of_video in starts])
    of_clips = (np.asarray(offsets)[video], np.asarray(n_frames)[video], np.concatenate([*starts, []]).astype(np.int64))
    stored, length = as_tensor(frames), info["frames"]
    # On a CPU fresh memory costs more than what is written to it; a GPU's allocator keeps its own.
    shape = (min(len(video), CLIPS_AT_A_TIME), length, *frames.shape[1:3], 3)
    buffer = torch.empty(shape) if device.type == "cpu" else None

    def predict(chunk: slice) -> Tensor:
        rows, valid = clip_rows(*(column[chunk] for column in of_clips), length=length, period=info["period"])
        clips = _gather(stored, rows, device)
        out = None if buffer is None else buffer[: len(rows)]
        batch = normalise_clips(clips, torch.from_numpy(valid), mean, std, out=out)
        with autocast(device, info["settings"]["precision"]):
            return model(downsample(batch, info["settings"]["downsample"])).flatten().float()

    ready = np.empty(0)
    results = in_batches(len(video), CLIPS_AT_A_TIME, predict, device)
    for of_video in starts:
        while len(ready) < len(of_video):
            ready = np.concatenate([ready, next(results).double().numpy()])
        yield ready[: len(of_video)]
        ready = ready[len(of_video) :]


def _gather(frames: Tensor, rows: NDArray[np.int64], device: torch.device) -> Tensor:
    """Clips (B, L, H, W, C) of the given rows (B, L) of `frames`, of which each is read once."""
    distinct, places = np.unique(rows, return_inverse=True)
    needed = taken(frames, torch.from_numpy(distinct), device)
    return taken(needed, torch.from_numpy(places.reshape(rows.shape)), device)
