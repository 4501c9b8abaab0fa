"""Training a video network to regress one value from a clip."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from echonet.learning.clips import downsample, gather_clips, n_starts, normalise_clips
from reprise.data.placed import placed
from reprise.step.device import autocast, on_device
from reprise.training.sampler import integers
from reprise.training.task import Task

PROTOCOLS = ("published", "sound")
TRAIN_START, CROP_ROW, CROP_COLUMN, VAL_START = range(4)


class ClipSource(NamedTuple):
    """The videos from which clips are taken, and how clips are prepared."""

    frames: Tensor  # (N, H, W, C) uint8, all videos one after another
    normalisation: Mapping[str, Any]  # mean and std, one value per channel, on the scale 0..255
    settings: Mapping[str, Any]  # frames, period, pad, downsample, batch_size, validation_clips, precision, seed
    device: torch.device
    # (batch_size, frames, H, W, 3) float32, used for each batch on a CPU, where new memory is slow
    memory: Tensor | None


def clip_regression_task(
    frames: np.ndarray,
    train: pd.DataFrame,
    val: pd.DataFrame,
    target: str,
    normalisation: Mapping[str, Any],
    settings: Mapping[str, Any],
    device: torch.device,
) -> Task:
    """A task whose samples are videos: each epoch shows one random clip of each video, shifted by up to `pad` pixels.

    Validation is done twice: `published` uses one random clip of each video, as the original code does to choose its
    epoch; `sound` uses the mean over fixed, evenly spaced clips.

    Args:
        frames: (N, H, W, C) uint8, all videos one after another.
        train: one row per video: offset, frames, and the target column.
        val: likewise.
        target: name of the column to regress.
        normalisation: see `ClipSource`.
        settings: see `ClipSource`.
        device: where the network is.
    """
    shape = (settings["batch_size"], settings["frames"], *frames.shape[1:3], 3)
    memory = torch.empty(shape) if device.type == "cpu" else None
    source = ClipSource(placed(frames, device), normalisation, settings, device, memory)
    return Task(
        samples=len(train),
        load=partial(_load, source, train, target),
        predict=_predict_and_truth,
        loss=mse_loss,
        cases=len(val),
        at_a_time=settings["batch_size"],
        validate=partial(_predict_both, source, val),
        summary=partial(_summary, val[target].to_numpy()),
        choices={protocol: f"val_loss_{protocol}" for protocol in PROTOCOLS},
    )


def _load(
    source: ClipSource, train: pd.DataFrame, target: str, samples: np.ndarray, epoch: int
) -> tuple[Tensor, Tensor]:
    """One random clip of each sample (B, 3, L, H, W), and their targets (B,)."""
    videos, settings = train.iloc[samples], source.settings
    draw = partial(integers, settings["seed"], epoch, samples)
    # As published, the last crop offset, 2 * pad, never occurs.
    crops = np.stack([draw(axis, max(1, 2 * settings["pad"])) for axis in (CROP_ROW, CROP_COLUMN)], axis=1)
    batch = _clips(source, videos, draw(TRAIN_START, _starts(source, videos)), crops)
    return batch, on_device(torch.from_numpy(videos[target].to_numpy(np.float32)), source.device)


def _predict_and_truth(model: nn.Module, clips_and_truth: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Predictions (B,) and targets (B,)."""
    clips, truth = clips_and_truth
    return model(clips).flatten().float(), truth


def _predict_both(
    source: ClipSource, val: pd.DataFrame, model: nn.Module, cases: np.ndarray, epoch: int
) -> dict[str, Tensor]:
    """Predictions (B,) by both protocols' clips."""
    videos, settings = val.iloc[cases], source.settings
    counts = _starts(source, videos)
    random = integers(settings["seed"], epoch, cases, VAL_START, counts)
    places = (np.arange(settings["validation_clips"]) + 0.5) / settings["validation_clips"]
    fixed = [_predict(source, videos, model, (place * counts).astype(np.int64)) for place in places]
    return {"published": _predict(source, videos, model, random), "sound": torch.stack(fixed).mean(dim=0)}


def _predict(source: ClipSource, videos: pd.DataFrame, model: nn.Module, starts: np.ndarray) -> Tensor:
    """Predictions (B,) for one clip of each video."""
    with autocast(source.device, source.settings["precision"]):
        return model(_clips(source, videos, starts)).flatten().double()


def _summary(truth: np.ndarray, predictions: dict[str, np.ndarray]) -> dict[str, float]:
    """Mean squared error and R2 of each protocol's predictions (V,) against the truth (V,)."""
    squared = {name: (predictions[name] - truth) ** 2 for name in PROTOCOLS}
    losses = {f"val_loss_{name}": float(error.mean()) for name, error in squared.items()}
    return losses | {f"val_r2_{name}": float(1 - error.mean() / truth.var()) for name, error in squared.items()}


def _clips(source: ClipSource, videos: pd.DataFrame, starts: np.ndarray, crops: np.ndarray | None = None) -> Tensor:
    """Prepared clips (B, 3, L, H, W), one per video, cropped at `crops` (B, 2); the next call overwrites them."""
    settings, where = source.settings, (videos["offset"].to_numpy(), videos["frames"].to_numpy(), starts)
    length, period, pad = settings["frames"], settings["period"], 0 if crops is None else settings["pad"]
    batch, valid = gather_clips(source.frames, *where, length=length, period=period, device=source.device)
    mean, std = source.normalisation["mean"], source.normalisation["std"]
    out = None if source.memory is None else source.memory[: len(videos)]
    clips = normalise_clips(batch, valid, mean, std, crops=crops, pad=pad, out=out)
    return downsample(clips, settings["downsample"])


def _starts(source: ClipSource, videos: pd.DataFrame) -> np.ndarray:
    return n_starts(videos["frames"].to_numpy(), source.settings["frames"], source.settings["period"])
