"""Losses of overlap in two parts: sums over samples, which add up over processes, and the loss from the sums.

Each `..._terms` takes logits (B, 2, ...) and the truth (B, ...), 0 or 1; each loss takes terms that were summed and
gives the loss to minimise and the one for the log.
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

PUBLISHED_SMOOTH = 0.1
SMOOTH = 1e-5


def soft_dice_terms(logits: Tensor, truth: Tensor) -> Tensor:
    """Intersection of lesion probability and truth, and the sum of both, over all samples and pixels: (2,)."""
    lesion, true = logits.float().softmax(dim=1)[:, 1], truth.float()
    return torch.stack([(lesion * true).sum(), lesion.sum() + true.sum()])


def soft_dice_loss(terms: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """The published loss from `soft_dice_terms`: 1 - (2 I + 0.1) / (S + 0.1), the whole batch as one image."""
    loss = _dice_loss(terms, PUBLISHED_SMOOTH)
    return loss, loss.detach()


def dice_ce_terms(logits: Tensor, truth: Tensor) -> Tensor:
    """`soft_dice_terms`, the summed cross-entropy, and the number of pixels: (4,)."""
    # Of two classes the same as `cross_entropy`, which has no deterministic form for images on a GPU.
    lesion = (logits[:, 1] - logits[:, 0]).float()
    entropy = binary_cross_entropy_with_logits(lesion, truth.float(), reduction="sum")
    return torch.stack([*soft_dice_terms(logits, truth), entropy, torch.full_like(entropy, truth.numel())])


def dice_ce_loss(terms: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """nnU-Net's loss from `dice_ce_terms`: the lesions' Dice loss, the whole batch as one, plus mean cross-entropy."""
    loss = _dice_loss(terms[:2], SMOOTH) + terms[2] / terms[3]
    return loss, loss.detach()


def _dice_loss(terms: Tensor, smooth: float) -> Tensor:
    intersection, total = terms
    return 1 - (2 * intersection + smooth) / (total + smooth)
