"""Training a binary segmentation network on image pairs, such as end-diastole and end-systole of a video."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from reprise.clips import normalise, place_frames, take_frames
from reprise.device import autocast
from reprise.training.loop import Task

LARGE, SMALL = 0, 1


def segmentation_task(
    images: np.ndarray,
    masks: np.ndarray,
    train: np.ndarray,
    val: np.ndarray,
    normalisation: Mapping[str, Any],
    settings: Mapping[str, Any],
    device: torch.device,
) -> Task:
    """A task whose samples are pairs (large, small) and whose loss is the published one.

    Cross-entropy is summed over batch and pixels, for the large and the small images in separate forward passes
    (batch statistics are per pass), and the two are averaged. The history has losses per pixel and micro Dice.

    Args:
        images: (T, 2, H, W, C) uint8.
        masks: (T, 2, H, W) uint8, 0 or 1.
        train: indices along T to train on.
        val: indices along T to validate on.
        normalisation: `mean` and `std`, C values each on the scale 0..255.
        settings: `batch_size` and `precision`.
        device: where the network is.
    """
    placed, truth = place_frames(images, device), place_frames(masks, device)
    pixels = masks[0, 0].size

    def logits_and_truth(model: nn.Module, rows: np.ndarray, which: int) -> tuple[Tensor, Tensor]:
        index = torch.from_numpy(rows)
        batch = take_frames(placed[:, which], index, device)
        logits = model(normalise(batch, normalisation["mean"], normalisation["std"]))["out"][:, 0]
        return logits.float(), take_frames(truth[:, which], index, device).float()

    def loss(model: nn.Module, samples: np.ndarray, epoch: int) -> tuple[Tensor, Tensor]:
        sums = [_summed_loss(*logits_and_truth(model, train[samples], which)) for which in (LARGE, SMALL)]
        total = (sums[LARGE] + sums[SMALL]) / 2
        return total, total / pixels

    def validate(model: nn.Module, epoch: int) -> dict[str, float]:
        loss_sum, counts = torch.zeros((), device=device), torch.zeros(2, 2, device=device)
        for rows in _chunks(val, settings["batch_size"]):
            for which in (LARGE, SMALL):
                with autocast(device, settings["precision"]):
                    logits, target = logits_and_truth(model, rows, which)
                loss_sum += _summed_loss(logits, target) / 2
                found = logits > 0
                counts[which, 0] += (found & (target > 0)).sum()
                counts[which, 1] += found.sum() + target.sum()
        shared, total = torch.stack([counts.sum(0), counts[LARGE], counts[SMALL]]).double().unbind(dim=1)
        dice = (2 * shared / total).tolist()
        names = ("val_dice_overall", "val_dice_large", "val_dice_small")
        return {"val_loss": loss_sum.item() / len(val) / pixels} | dict(zip(names, dice, strict=True))

    return Task(len(train), loss, validate, {"published": "val_loss"})


def _summed_loss(logits: Tensor, target: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(logits, target, reduction="sum")


def _chunks(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
