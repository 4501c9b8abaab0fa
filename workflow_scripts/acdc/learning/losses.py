"""Losses of overlap and of classes; each takes logits (B, C, ...) and the truth (B, ...), numbers of classes."""

from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import one_hot

SMOOTH = 1e-5
PUBLISHED_WEIGHT = 0.25  # of each class in the published Dice loss; the weights are not normalised
ALPHA, GAMMA = 0.25, 2.0  # of the published focal loss
LEAST_PROBABILITY = 1e-7  # of Keras


class Sums(NamedTuple):
    """Sums over the pixels of each sample; they add up to those of a batch."""

    shared: Tensor  # (B, C) of each class: probability where it is true
    predicted: Tensor  # (B, C) probability
    true: Tensor  # (B, C) pixels
    entropy: Tensor  # (B,) cross-entropy
    focal: Tensor  # (B,) published focal loss of all classes, without its mean


def soft_sums(logits: Tensor, truth: Tensor) -> Sums:
    """All that the losses here are made of."""
    scores, true = logits.float(), as_classes(truth, logits.shape[1])
    logs, probabilities = scores.log_softmax(dim=1), scores.softmax(dim=1)
    kept = probabilities.clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    focal = -(true * ALPHA * (1 - kept) ** GAMMA * kept.log())
    maps = (probabilities * true, probabilities, true)
    # Cross-entropy as a sum of products: PyTorch's own has no deterministic form for images on a GPU.
    shared, predicted, counted = (part.flatten(2).sum(dim=2) for part in maps)
    return Sums(shared, predicted, counted, _total(-(true * logs)), _total(focal))


def published_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """The published loss: class-weighted Dice loss of a whole batch plus categorical focal loss.

    The Dice of each class, with the background, is multiplied by 0.25, and then the mean is taken: so a perfect
    prediction costs 0.75. The focal loss is the mean over pixels and classes.
    """
    return published_value(Sums(*(part.sum(dim=0) for part in soft_sums(logits, truth))), truth.numel())


def published_value(sums: Sums, pixels: int) -> Tensor:
    """The published loss from the sums of a batch, (C,) or a number each, and its number of pixels."""
    weighted = PUBLISHED_WEIGHT * _dice(sums)
    return 1 - weighted.mean() + sums.focal / (pixels * len(weighted))


def dice_ce_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """nnU-Net's loss: the Dice loss of the classes but the background, of a whole batch, plus mean cross-entropy."""
    return dice_ce_value(Sums(*(part.sum(dim=0) for part in soft_sums(logits, truth))), truth.numel())


def dice_ce_value(sums: Sums, pixels: int) -> Tensor:
    """The loss of `dice_ce_loss` from the sums of a batch, (C,) or a number each, and its number of pixels."""
    return 1 - _dice(sums)[1:].mean() + sums.entropy / pixels


def as_classes(truth: Tensor, classes: int) -> Tensor:
    """Numbers of classes (B, ...) as (B, classes, ...) float32, 0 or 1."""
    return one_hot(truth.long(), classes).movedim(-1, 1).float()


def _dice(sums: Sums) -> Tensor:
    return (2 * sums.shared + SMOOTH) / (sums.predicted + sums.true + SMOOTH)


def _total(maps: Tensor) -> Tensor:
    """The sum (B,) over classes and pixels."""
    return maps.flatten(1).sum(dim=1)
