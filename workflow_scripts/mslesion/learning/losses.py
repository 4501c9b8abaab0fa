"""Losses of overlap; each takes logits (B, 2, ...) and the truth (B, ...), 0 or 1, and returns a scalar."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

PUBLISHED_SMOOTH = 0.1
SMOOTH = 1e-5


def soft_dice_sums(logits: Tensor, truth: Tensor) -> Tensor:
    """Intersection of lesion probability and truth, and the sum of both, over all samples and pixels: (2,)."""
    lesion, true = logits.float().softmax(dim=1)[:, 1], truth.float()
    return torch.stack([(lesion * true).sum(), lesion.sum() + true.sum()])


def soft_dice_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """The published loss: 1 - (2 I + 0.1) / (S + 0.1), the whole batch as one image."""
    return _dice_loss(logits, truth, PUBLISHED_SMOOTH)


def dice_ce_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """nnU-Net's loss: the Dice loss of the lesions, the whole batch as one image, plus mean cross-entropy."""
    # For two classes this equals `cross_entropy`, which has no deterministic form for images on a GPU.
    lesion = (logits[:, 1] - logits[:, 0]).float()
    return _dice_loss(logits, truth, SMOOTH) + binary_cross_entropy_with_logits(lesion, truth.float())


def _dice_loss(logits: Tensor, truth: Tensor, smooth: float) -> Tensor:
    intersection, total = soft_dice_sums(logits, truth)
    return 1 - (2 * intersection + smooth) / (total + smooth)
