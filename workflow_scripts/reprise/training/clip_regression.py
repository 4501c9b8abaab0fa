"""Training a video network to regress one value from a clip."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from reprise.clips import downsample, gather_clips, n_starts, normalise_clips, place_frames
from reprise.device import autocast
from reprise.training.loop import Task
from reprise.training.sampler import integers

TRAIN_START, CROP_ROW, CROP_COLUMN, VAL_START = range(4)


class Source(NamedTuple):
    """Where clips come from, and how they are prepared."""

    frames: Tensor  # (N, H, W, C) uint8, all videos one after another
    normalisation: Mapping[str, Any]  # mean and std, a value a channel, on the scale 0..255
    settings: Mapping[str, Any]  # frames, period, pad, downsample, batch_size, validation_clips, precision, seed
    device: torch.device
    memory: Tensor  # (batch_size, frames, H, W, 3) float32 for one batch after another: new memory costs a CPU dear


def clip_regression_task(
    frames: np.ndarray,
    train: pd.DataFrame,
    val: pd.DataFrame,
    target: str,
    normalisation: Mapping[str, Any],
    settings: Mapping[str, Any],
    device: torch.device,
) -> Task:
    """A task whose samples are videos, of which each epoch shows one random clip, shifted by up to `pad` pixels.

    Validation is done twice: `published` on one random clip a video, as the original chose its epoch, and `sound`
    on the mean over fixed, evenly spaced clips.

    Args:
        frames: (N, H, W, C) uint8, all videos one after another.
        train: a row a video: offset, frames, and the target column.
        val: likewise.
        target: name of the column to regress.
        normalisation: see `Source`.
        settings: see `Source`.
        device: where the network is.
    """
    memory = torch.empty(settings["batch_size"], settings["frames"], *frames.shape[1:3], 3, device=device)
    source = Source(place_frames(frames, device), normalisation, settings, device, memory)
    choices = {"published": "val_loss_published", "sound": "val_loss_sound"}
    return Task(len(train), partial(_loss, source, train, target), partial(_validate, source, val, target), choices)


def _loss(
    source: Source, train: pd.DataFrame, target: str, model: nn.Module, samples: np.ndarray, epoch: int
) -> tuple[Tensor, Tensor]:
    """The mean squared error on one random clip of each sample, and its sum."""
    videos, settings = train.iloc[samples], source.settings
    draw = partial(integers, settings["seed"], epoch, samples)
    # As published, the last crop offset, 2 * pad, never occurs.
    crops = np.stack([draw(axis, max(1, 2 * settings["pad"])) for axis in (CROP_ROW, CROP_COLUMN)], axis=1)
    batch = _clips(source, videos, draw(TRAIN_START, _starts(source, videos)), crops)
    truth = torch.from_numpy(videos[target].to_numpy(np.float32)).to(source.device)
    mean_squared = mse_loss(model(batch).flatten().float(), truth)
    return mean_squared, mean_squared * len(samples)


def _validate(source: Source, val: pd.DataFrame, target: str, model: nn.Module, epoch: int) -> dict[str, float]:
    """Mean squared error and R2 by both protocols' clips."""
    truth, counts, settings = val[target].to_numpy(), _starts(source, val), source.settings
    random = integers(settings["seed"], epoch, np.arange(len(val)), VAL_START, counts)
    places = (np.arange(settings["validation_clips"]) + 0.5) / settings["validation_clips"]
    found = {
        "published": _predict(source, val, model, random),
        "sound": np.mean([_predict(source, val, model, (place * counts).astype(np.int64)) for place in places], axis=0),
    }
    squared = {name: (prediction - truth) ** 2 for name, prediction in found.items()}
    losses = {f"val_loss_{name}": float(error.mean()) for name, error in squared.items()}
    return losses | {f"val_r2_{name}": float(1 - error.mean() / truth.var()) for name, error in squared.items()}


def _predict(source: Source, videos: pd.DataFrame, model: nn.Module, starts: np.ndarray) -> np.ndarray:
    """Predictions (V,) for one clip of each video."""
    predictions, size = [], source.settings["batch_size"]
    for first in range(0, len(videos), size):
        batch = _clips(source, videos.iloc[first : first + size], starts[first : first + size])
        with autocast(source.device, source.settings["precision"]):
            predictions.append(model(batch).flatten().float().cpu())
    return torch.cat(predictions).double().numpy()


def _clips(source: Source, videos: pd.DataFrame, starts: np.ndarray, crops: np.ndarray | None = None) -> Tensor:
    """Prepared clips (B, 3, L, H, W), one a video, cropped where `crops` (B, 2) says; the next call overwrites them."""
    settings, where = source.settings, (videos["offset"].to_numpy(), videos["frames"].to_numpy(), starts)
    length, period, pad = settings["frames"], settings["period"], 0 if crops is None else settings["pad"]
    batch, valid = gather_clips(source.frames, *where, length=length, period=period, device=source.device)
    mean, std = source.normalisation["mean"], source.normalisation["std"]
    clips = normalise_clips(batch, valid, mean, std, crops=crops, pad=pad, out=source.memory[: len(videos)])
    return downsample(clips, settings["downsample"])


def _starts(source: Source, videos: pd.DataFrame) -> np.ndarray:
    return n_starts(videos["frames"].to_numpy(), source.settings["frames"], source.settings["period"])
