"""DENSEVOXELNET: two dense blocks, and an auxiliary head behind the first (Yu et al. 2017, arXiv 1708.00573).

Its first convolution has 1x1x1 voxels and stride 2, as published: so it sees every eighth voxel. The published code
cannot train it, since its loss does not take the pair of answers.
"""

import torch
from torch import Tensor, nn

from iseg.learning.layers import CLASSES, MODALITIES, scaled

FIRST, GROWTH, LAYERS = 16, 12, 12
BETWEEN, LAST = 128, 64  # channels of the two ways up
DROPOUT = 0.2  # of single voxels


class DenseVoxelNet(nn.Module):
    """Two dense blocks, on a half and on a quarter of the sides; both heads end in the same convolution."""

    def __init__(self, width: float) -> None:
        super().__init__()
        growth, between, last = scaled(GROWTH, width), scaled(BETWEEN, width), scaled(LAST, width)
        first = scaled(FIRST, width)
        self.first = nn.Conv3d(MODALITIES, first, 1, stride=2, bias=False)
        self.first_block = _block(first, growth)
        channels = first + LAYERS * growth
        self.transition = nn.Sequential(*_activated(channels), nn.Conv3d(channels, channels, 1))
        self.pool = nn.MaxPool3d(2)
        self.second_block = _block(channels, growth)
        self.auxiliary = nn.ConvTranspose3d(channels, last, 2, stride=2)
        channels += LAYERS * growth
        self.enlarge = nn.Sequential(
            *_activated(channels),
            nn.Conv3d(channels, channels, 1, bias=False),
            nn.ConvTranspose3d(channels, between, 2, stride=2),
            nn.ConvTranspose3d(between, last, 2, stride=2),
        )
        self.last = nn.Conv3d(last, CLASSES, 1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 2, X, Y, Z) to logits (B, 4, X, Y, Z), in training mode (B, 8, X, Y, Z); sides are multiples of 4."""
        features = self.transition(self.first_block(self.first(images)))
        logits = self.last(self.enlarge(self.second_block(self.pool(features))))
        if not self.training:
            return logits
        return torch.cat([logits, self.last(self.auxiliary(features))], dim=1)


class _Layer(nn.Sequential):
    """Gives its input and the new channels."""

    def __init__(self, channels: int, growth: int) -> None:
        convolution = nn.Conv3d(channels, growth, 3, padding=1, bias=False)
        super().__init__(*_activated(channels), convolution, nn.Dropout(DROPOUT))

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([features, super().forward(features)], dim=1)


def _block(channels: int, growth: int) -> nn.Sequential:
    return nn.Sequential(*(_Layer(channels + at * growth, growth) for at in range(LAYERS)))


def _activated(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm3d(channels), nn.ReLU()
