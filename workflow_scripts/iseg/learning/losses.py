"""Overlap of predicted classes with the truth, and the losses made of it.

In training a network may return more than the logits of the four classes: each further group of four channels is the
logits of an auxiliary head, and a single last channel is a penalty for each voxel.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from iseg.analysis.protocols import CLASSES
from reprise.training.class_losses import as_classes, dice_ce_loss

SHARED, PREDICTED, SQUARES, TRUE = range(4)  # the sums of `overlap_sums`
DENOMINATORS = {"linear": PREDICTED, "squared": SQUARES}  # which sum stands beside the true voxels, by the Dice's form
EPSILON = 1e-6  # the least denominator
AUXILIARY = 1 / 3  # the weight of an auxiliary head's loss; nothing was published

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": Tensor.sigmoid,
    "softmax": lambda logits: logits.softmax(dim=1),
    "argmax": lambda logits: as_classes(logits.argmax(dim=1), logits.shape[1]),
}


def overlap_sums(scores: Tensor, truth: Tensor) -> Tensor:
    """Sums (B, 4, C) over voxels of p * t, p, p * p and t, of scores p (B, C, ...) and labels (B, ...)."""
    true = as_classes(truth, scores.shape[1])
    parts = (scores * true, scores, scores * scores, true)
    return torch.stack([part.flatten(2).sum(dim=2) for part in parts], dim=1)


def dice_of(sums: Any, form: str) -> Any:
    """The Dice (..., C) of each class from sums (..., 4, C), a tensor or an array; an absent class has 0.

    Linear: 2 sum(p t) / (sum(p) + sum(t)); squared, of the V-Net: 2 sum(p t) / (sum(p p) + sum(t)).
    """
    below = sums[..., DENOMINATORS[form], :] + sums[..., TRUE, :]
    return (
        2
        * sums[..., SHARED, :]
        / (below.clamp(min=EPSILON) if isinstance(below, Tensor) else np.maximum(below, EPSILON))
    )


def published_loss(form: str, outputs: Tensor, truth: Tensor) -> Tensor:
    """1 - the mean over all four classes, air too, of the sigmoid Dice of a whole batch, as published."""
    return _with_heads(lambda logits, true: 1 - published_dice(form, logits, true).mean(), outputs, truth)


def published_dice(form: str, outputs: Tensor, truth: Tensor) -> Tensor:
    """The Dice (4,) of each class by the sigmoid of the logits, a whole batch as one volume."""
    return dice_of(overlap_sums(main_logits(outputs).sigmoid(), truth).sum(dim=0), form)


def sound_loss(outputs: Tensor, truth: Tensor) -> Tensor:
    """nnU-Net's loss: softmax Dice of the tissues, of a whole batch, plus cross-entropy."""
    return _with_heads(dice_ce_loss, outputs, truth)


def sound_dice(outputs: Tensor, truth: Tensor) -> Tensor:
    """The Dice (4,) of each class by the softmax of the logits, a whole batch as one volume."""
    return dice_of(overlap_sums(main_logits(outputs).softmax(dim=1), truth).sum(dim=0), "linear")


def main_logits(outputs: Tensor) -> Tensor:
    """The logits (B, 4, ...) that segment, of what a network returns in training."""
    return outputs[:, : len(CLASSES)].float()


def _with_heads(loss: Callable[[Tensor, Tensor], Tensor], outputs: Tensor, truth: Tensor) -> Tensor:
    """The loss of the logits that segment, with those of auxiliary heads and the penalty."""
    classes = len(CLASSES)
    heads, rest = divmod(outputs.shape[1], classes)
    value = loss(main_logits(outputs), truth)
    for head in range(1, heads):
        value = value + AUXILIARY * loss(outputs[:, head * classes : (head + 1) * classes].float(), truth)
    return value + outputs[:, -1].float().mean() if rest else value
