"""Training a video network to regress one value from a clip."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from reprise.clips import downsample, gather_clips, n_starts, normalise, pad_crop, place_frames
from reprise.training.loop import Task, autocast
from reprise.training.sampler import integers

TRAIN_START, CROP_ROW, CROP_COLUMN, VAL_START = range(4)


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
        normalisation: `mean` and `std`, C values each on the scale 0..255.
        settings: `frames`, `period`, `pad`, `downsample`, `batch_size`, `validation_clips`, `precision`, `seed`.
        device: where the network is.
    """
    placed, seed = place_frames(frames, device), settings["seed"]

    def clips(videos: pd.DataFrame, starts: np.ndarray) -> Tensor:
        where = (videos["offset"].to_numpy(), videos["frames"].to_numpy(), starts)
        batch, valid = gather_clips(placed, *where, length=settings["frames"], period=settings["period"], device=device)
        return normalise(batch, normalisation["mean"], normalisation["std"], valid)

    def starts_of(videos: pd.DataFrame) -> np.ndarray:
        return n_starts(videos["frames"].to_numpy(), settings["frames"], settings["period"])

    def loss(model: nn.Module, samples: np.ndarray, epoch: int) -> tuple[Tensor, Tensor]:
        videos = train.iloc[samples]
        starts = integers(seed, epoch, samples, TRAIN_START, starts_of(videos))
        batch = clips(videos, starts)
        if settings["pad"]:
            # As published, the last offset, 2 * pad, never occurs.
            offsets = [integers(seed, epoch, samples, axis, 2 * settings["pad"]) for axis in (CROP_ROW, CROP_COLUMN)]
            batch = pad_crop(batch, np.stack(offsets, axis=1), settings["pad"])
        truth = torch.from_numpy(videos[target].to_numpy(np.float32)).to(device)
        mean_squared = mse_loss(model(downsample(batch, settings["downsample"])).flatten().float(), truth)
        return mean_squared, mean_squared * len(samples)

    def predict(model: nn.Module, starts: np.ndarray) -> np.ndarray:
        predictions = []
        for first in range(0, len(val), settings["batch_size"]):
            chunk = slice(first, first + settings["batch_size"])
            with autocast(device, settings["precision"]):
                batch = downsample(clips(val.iloc[chunk], starts[chunk]), settings["downsample"])
                predictions.append(model(batch).flatten().float().cpu())
        return torch.cat(predictions).double().numpy()

    def validate(model: nn.Module, epoch: int) -> dict[str, float]:
        truth, counts = val[target].to_numpy(), starts_of(val)
        one = predict(model, integers(seed, epoch, np.arange(len(val)), VAL_START, counts))
        places = (np.arange(settings["validation_clips"]) + 0.5) / settings["validation_clips"]
        fixed = np.mean([predict(model, (place * counts).astype(np.int64)) for place in places], axis=0)
        found = {"published": one, "sound": fixed}
        losses = {f"val_loss_{name}": float(np.mean((p - truth) ** 2)) for name, p in found.items()}
        return losses | {f"val_r2_{name}": _r2(p, truth) for name, p in found.items()}

    return Task(len(train), loss, validate, {"published": "val_loss_published", "sound": "val_loss_sound"})


def _r2(prediction: np.ndarray, truth: np.ndarray) -> float:
    return float(1 - np.sum((prediction - truth) ** 2) / np.sum((truth - truth.mean()) ** 2))
