"""The published loss of overlap and of classes; it takes logits (B, C, ...) and the truth (B, ...), class numbers."""

from typing import NamedTuple

from torch import Tensor

from reprise.training.class_losses import ClassSums, as_classes, smooth_dice, summed, total

PUBLISHED_WEIGHT = 0.25  # of each class in the published Dice loss; the weights are not normalised
ALPHA, GAMMA = 0.25, 2.0  # of the published focal loss
LEAST_PROBABILITY = 1e-7  # of Keras


class Sums(NamedTuple):
    """Sums over the pixels of each sample; they add up to those of a batch."""

    classes: ClassSums
    focal: Tensor  # (B,) published focal loss of all classes, without its mean


def soft_sums(logits: Tensor, truth: Tensor) -> Sums:
    """All that the published loss and nnU-Net's are made of."""
    scores, true = logits.float(), as_classes(truth, logits.shape[1])
    logs, probabilities = scores.log_softmax(dim=1), scores.softmax(dim=1)
    kept = probabilities.clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    focal = -(true * ALPHA * (1 - kept) ** GAMMA * kept.log())
    return Sums(summed(logs, probabilities, true), total(focal))


def published_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """The published loss: class-weighted Dice loss of a whole batch plus categorical focal loss.

    The Dice of each class, with the background, is multiplied by 0.25, and then the mean is taken: so a perfect
    prediction costs 0.75. The focal loss is the mean over pixels and classes.
    """
    classes, focal = soft_sums(logits, truth)
    batch = ClassSums(*(part.sum(dim=0) for part in classes))
    return published_value(Sums(batch, focal.sum(dim=0)), truth.numel())


def published_value(sums: Sums, pixels: int) -> Tensor:
    """The published loss from the sums of a batch, (C,) or a number each, and its number of pixels."""
    weighted = PUBLISHED_WEIGHT * smooth_dice(sums.classes)
    return 1 - weighted.mean() + sums.focal / (pixels * len(weighted))
