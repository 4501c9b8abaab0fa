"""Segmentation of whole volumes by a network that takes blocks."""

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from reprise.models.lean_torchvision import lean_monai

OVERLAP = 0.5
BLOCKS_AT_A_TIME = 4


def volume_logits(model: nn.Module, volumes: Tensor, block: Sequence[int]) -> Tensor:
    """Logits (B, classes, D, H, W) of volumes (B, 1, D, H, W) from blocks that overlap by half, weighed by a Gaussian.

    Args:
        model: maps (N, 1, *block) to (N, classes, *block).
        volumes: normalised, on the network's device; volumes smaller than a block are padded with zeros.
        block: depth, height and width that the network takes.
    """
    with lean_monai():
        from monai.inferers import sliding_window_inference

    logits = sliding_window_inference(volumes, tuple(block), BLOCKS_AT_A_TIME, model, overlap=OVERLAP, mode="gaussian")
    return cast(Tensor, logits)
