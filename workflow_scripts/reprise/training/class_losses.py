"""nnU-Net's loss of overlap and of classes; it takes logits (B, C, ...) and the truth (B, ...), numbers of classes."""

from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import one_hot

SMOOTH = 1e-5


class ClassSums(NamedTuple):
    """Sums over the pixels of each sample; they add up to those of a batch."""

    shared: Tensor  # (B, C) of each class: probability where it is true
    predicted: Tensor  # (B, C) probability
    true: Tensor  # (B, C) pixels
    entropy: Tensor  # (B,) cross-entropy


def class_sums(logits: Tensor, truth: Tensor) -> ClassSums:
    """All that the loss is made of, by a softmax over the classes."""
    scores = logits.float()
    return summed(scores.log_softmax(dim=1), scores.softmax(dim=1), as_classes(truth, logits.shape[1]))


def summed(logs: Tensor, probabilities: Tensor, true: Tensor) -> ClassSums:
    """The same from logarithms of probabilities, probabilities and the truth `as_classes`, (B, C, ...) each."""
    maps = (probabilities * true, probabilities, true)
    # Cross-entropy as a sum of products: PyTorch's own has no deterministic form for images on a GPU.
    shared, predicted, counted = (part.flatten(2).sum(dim=2) for part in maps)
    return ClassSums(shared, predicted, counted, total(-(true * logs)))


def dice_ce_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """nnU-Net's loss: the Dice loss of the classes but the background, of a whole batch, plus mean cross-entropy."""
    return dice_ce_value(ClassSums(*(part.sum(dim=0) for part in class_sums(logits, truth))), truth.numel())


def dice_ce_value(sums: ClassSums, pixels: int) -> Tensor:
    """The loss of `dice_ce_loss` from the sums of a batch, (C,) or a number each, and its number of pixels."""
    return 1 - smooth_dice(sums)[1:].mean() + sums.entropy / pixels


def smooth_dice(sums: ClassSums) -> Tensor:
    """The soft Dice of each class; a small number above and below the line keeps it finite."""
    return (2 * sums.shared + SMOOTH) / (sums.predicted + sums.true + SMOOTH)


def as_classes(truth: Tensor, classes: int) -> Tensor:
    """Numbers of classes (B, ...) as (B, classes, ...) float32, 0 or 1."""
    return one_hot(truth.long(), classes).movedim(-1, 1).float()


def total(maps: Tensor) -> Tensor:
    """The sum (B,) over classes and pixels."""
    return maps.flatten(1).sum(dim=1)
