"""Training a network to tell lesion from background on the slices of brain scans."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from reprise.device import autocast
from reprise.inference.windows import centre_logits
from reprise.metrics.pixels import confusion, published_accuracy, published_dice_loss, rates
from reprise.training.loop import Task
from reprise.training.overlap_loss import (
    PUBLISHED_SMOOTH,
    dice_ce_loss,
    dice_ce_terms,
    soft_dice_loss,
    soft_dice_terms,
)
from reprise.windows import CENTRE


class Source(NamedTuple):
    """Slices ready for the network, on its device, and how it takes them."""

    images: Tensor  # (N, H, W) float32, normalised
    masks: Tensor  # (N, H, W) uint8, 0 or 1
    scans: np.ndarray  # (N,) int, the scan that each slice is of
    windowed: bool  # whether the network sees windows of three slices, or one slice alone
    settings: Mapping[str, Any]  # batch_size, precision


def lesion_task(source: Source, train: np.ndarray, val: np.ndarray) -> Task:
    """A task whose samples are windows of three neighbouring slices, of which the centre counts.

    A network that sees windows is trained with the published soft Dice of the lesions, a whole batch as one image;
    one that sees slices with nnU-Net's Dice and cross-entropy. The history has, of the validation windows' centres,
    accuracy and loss as the published code prints them, Dice, sensitivity and specificity over all pixels pooled,
    and `val_volume_dice`, the mean over scans of the Dice of their slices. The errors choose: 1 less each Dice.

    Args:
        source: see `Source`.
        train: windows (T, 3) of slice indices to train on.
        val: windows (V, 3) to validate on.
    """
    return Task(
        samples=len(train),
        terms=partial(_terms, source, train),
        loss=soft_dice_loss if source.windowed else dice_ce_loss,
        cases=len(val),
        validate=partial(_validate, source, val),
        summary=partial(_summary, source.scans[val[:, CENTRE]], source.settings["batch_size"]),
        choices={"published": "val_error", "sound": "val_volume_error"},
    )


def _terms(source: Source, train: np.ndarray, model: nn.Module, samples: np.ndarray, epoch: int) -> Tensor:
    """What the loss of some windows is made of (2,) or (4,)."""
    windows = torch.from_numpy(train[samples]).to(source.images.device)
    truth = source.masks[windows[:, CENTRE]]
    if source.windowed:
        return soft_dice_terms(model(source.images[windows][:, :, None])[:, CENTRE], truth)
    return dice_ce_terms(model(source.images[windows[:, CENTRE]][:, None]), truth)


def _validate(source: Source, val: np.ndarray, model: nn.Module, cases: np.ndarray, epoch: int) -> dict[str, Tensor]:
    """Soft sums (B, 2), and counts (B, 4) of true and false positives and negatives, of the windows' centres."""
    device = source.images.device
    with autocast(device, source.settings["precision"]):
        logits = centre_logits(model, source.images, val[cases])
    truth = source.masks[torch.from_numpy(val[cases][:, CENTRE]).to(device)]
    soft = [soft_dice_terms(*pair) for pair in zip(logits[:, None], truth[:, None], strict=True)]
    return {"soft": torch.stack(soft), "counts": confusion(logits.argmax(dim=1), truth)}


def _summary(scans: np.ndarray, batch_size: int, found: dict[str, np.ndarray]) -> dict[str, float]:
    """Measures of validation windows of some scans (V,), from their soft sums (V, 2) and counts (V, 4)."""
    counts = found["counts"]
    pooled = {name: float(value) for name, value in rates(counts.sum(axis=0)).items()}
    volumes = rates([counts[scans == scan].sum(axis=0) for scan in np.unique(scans)])["dice"]
    return {
        "val_loss": published_dice_loss(found["soft"], batch_size, PUBLISHED_SMOOTH),
        "val_accuracy": published_accuracy(counts, batch_size),
        **{f"val_{name}": pooled[name] for name in ("dice", "sensitivity", "specificity")},
        "val_volume_dice": float(volumes.mean()),
        "val_error": 1 - pooled["dice"],
        "val_volume_error": 1 - float(volumes.mean()),
    }
