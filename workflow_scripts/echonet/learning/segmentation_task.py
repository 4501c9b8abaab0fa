"""Training a binary segmentation network on image pairs, such as end-diastole and end-systole of a video."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from echonet.learning.clips import normalise
from reprise.data.placed import placed, taken
from reprise.step.device import autocast
from reprise.training.task import Task

LARGE, SMALL = 0, 1


class PairSource(NamedTuple):
    """Image pairs with their masks, and how they are prepared."""

    images: Tensor  # (T, 2, H, W, C) uint8
    masks: Tensor  # (T, 2, H, W) uint8
    normalisation: Mapping[str, Any]  # mean and std, one value per channel, on the scale 0..255
    settings: Mapping[str, Any]  # batch_size, precision
    device: torch.device


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
    source = PairSource(placed(images, device), placed(masks, device), normalisation, settings, device)
    pixels = masks[0, 0].size
    return Task(
        samples=len(train),
        load=lambda samples, _: tuple(_images_and_masks(source, train[samples], which) for which in (LARGE, SMALL)),
        predict=_predict_and_truth,
        loss=_published_loss,
        cases=len(val),
        at_a_time=settings["batch_size"],
        validate=partial(_validate, source, val),
        summary=partial(_summary, pixels),
        choices={"published": "val_loss"},
        terms_per_sample=pixels,
    )


def _predict_and_truth(model: nn.Module, pairs: tuple[tuple[Tensor, Tensor], ...]) -> tuple[Tensor, Tensor]:
    """Logits and masks (B, 2, H, W) from large and small images and their masks; the network sees each size alone."""
    logits = torch.stack([_logits(model, images) for images, _ in pairs], dim=1)
    return logits, torch.stack([masks for _, masks in pairs], dim=1)


def _published_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy summed over batch and pixels, averaged over large and small images (B, 2, H, W)."""
    return binary_cross_entropy_with_logits(logits, masks, reduction="sum") / 2


def _validate(
    source: PairSource, val: np.ndarray, model: nn.Module, cases: np.ndarray, epoch: int
) -> dict[str, Tensor]:
    """Sums (B, 2) over each case's large and small image: loss, pixels shared with the truth, pixels of both."""
    found: dict[str, list[Tensor]] = {"loss": [], "shared": [], "total": []}
    for which in (LARGE, SMALL):
        with autocast(source.device, source.settings["precision"]):
            images, target = _images_and_masks(source, val[cases], which)
            logits = _logits(model, images)
        inside = logits > 0
        found["loss"].append(_summed_loss(logits, target) / 2)
        found["shared"].append((inside & (target > 0)).sum(dim=(1, 2)))
        found["total"].append(inside.sum(dim=(1, 2)) + target.sum(dim=(1, 2)))
    return {name: torch.stack(values, dim=1) for name, values in found.items()}


def _images_and_masks(source: PairSource, rows: np.ndarray, which: int) -> tuple[Tensor, Tensor]:
    """Normalised images (B, 3, H, W) and masks (B, H, W), large or small, at some rows of the store."""
    index = torch.from_numpy(rows)
    images = taken(source.images[:, which], index, source.device)
    masks = taken(source.masks[:, which], index, source.device).float()
    return normalise(images, source.normalisation["mean"], source.normalisation["std"]), masks


def _logits(model: nn.Module, images: Tensor) -> Tensor:
    """Logits (B, H, W) of images (B, 3, H, W)."""
    return model(images)["out"][:, 0].float()


def _summary(pixels: int, found: dict[str, np.ndarray]) -> dict[str, float]:
    """The mean loss a pixel, and micro Dice, from each case's sums (V, 2) over its large and its small image."""
    shared, total = found["shared"].sum(axis=0), found["total"].sum(axis=0)
    dice = {"overall": shared.sum() / total.sum(), "large": shared[LARGE] / total[LARGE]}
    dice["small"] = shared[SMALL] / total[SMALL]
    loss = found["loss"].sum() / len(found["loss"]) / pixels
    return {"val_loss": float(loss)} | {f"val_dice_{name}": 2 * float(value) for name, value in dice.items()}


def _summed_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy (B,) summed over the pixels of each image."""
    return binary_cross_entropy_with_logits(logits, target, reduction="none").sum(dim=(1, 2))
