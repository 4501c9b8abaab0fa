"""VNET and VNET2: the V-Net of Milletari et al. 2016 (arXiv 1606.04797) with batch normalisation, and a lighter one.

VNET2 lacks the deepest of VNET's five levels.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from iseg.learning.layers import CLASSES, MODALITIES, scaled

FIRST = 16  # channels of the first level; each further one has twice as many
DOWN = (1, 2, 3, 2)  # convolutions on the way down from each level
UP = (1, 1, 2, 2)  # convolutions on the way up to each level
DROPS_FROM = 2  # the ways from and to this level and deeper ones drop channels
DROPOUT = 0.5  # of whole channels


class VNet(nn.Module):
    """Residual blocks of 5x5x5 convolutions at each level, with `halvings` levels below the first."""

    def __init__(self, width: float, halvings: int) -> None:
        super().__init__()
        channels = [scaled(FIRST * 2**level, width) for level in range(halvings + 1)]
        first, levels = channels[0], range(halvings)
        self.first = nn.Sequential(_conv(MODALITIES, first), nn.BatchNorm3d(first))
        self.activation = nn.PReLU(first)
        self.down = nn.ModuleList(
            _Down(above, below, DOWN[level], level >= DROPS_FROM)
            for level, (above, below) in enumerate(pairwise(channels))
        )
        given = [*(2 * count for count in channels[1:-1]), channels[-1]]  # from below, to the way up to each level
        self.up = nn.ModuleList(
            _Up(given[level], channels[level], UP[level], level >= DROPS_FROM) for level in reversed(levels)
        )
        self.last = nn.Sequential(
            _conv(2 * first, CLASSES), nn.BatchNorm3d(CLASSES), nn.PReLU(CLASSES), nn.Conv3d(CLASSES, CLASSES, 1)
        )

    def forward(self, images: Tensor) -> Tensor:
        """(B, 2, X, Y, Z) to logits (B, 4, X, Y, Z); sides are multiples of 16, or of 8 for VNET2."""
        features = self.first(images)
        copies = -(-features.shape[1] // MODALITIES)  # of the images, as many as there are features
        features = self.activation(features + images.repeat(1, copies, 1, 1, 1)[:, : features.shape[1]])
        skips = [features]
        for down in self.down:
            skips.append(down(skips[-1]))
        features = skips.pop()
        for up in self.up:
            features = up(features, skips.pop())
        return self.last(features)


class _Down(nn.Module):
    """Halves the sides, then adds what some convolutions give."""

    def __init__(self, inputs: int, outputs: int, convolutions: int, drops: bool) -> None:
        super().__init__()
        self.halve = nn.Sequential(nn.Conv3d(inputs, outputs, 2, stride=2), nn.BatchNorm3d(outputs), nn.PReLU(outputs))
        self.dropout = nn.Dropout3d(DROPOUT) if drops else nn.Identity()
        self.convolutions = _convolutions(outputs, convolutions)
        self.activation = nn.PReLU(outputs)

    def forward(self, features: Tensor) -> Tensor:
        halved = self.halve(features)
        return self.activation(self.convolutions(self.dropout(halved)) + halved)


class _Up(nn.Module):
    """Doubles the sides, puts the skip beside that, then adds what some convolutions give; 2 * skip channels."""

    def __init__(self, inputs: int, skip: int, convolutions: int, drops: bool) -> None:
        super().__init__()
        self.dropout = nn.Dropout3d(DROPOUT) if drops else nn.Identity()
        self.enlarge = nn.Sequential(
            nn.ConvTranspose3d(inputs, skip, 2, stride=2), nn.BatchNorm3d(skip), nn.PReLU(skip)
        )
        self.skip_dropout = nn.Dropout3d(DROPOUT)
        self.convolutions = _convolutions(2 * skip, convolutions)
        self.activation = nn.PReLU(2 * skip)

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        both = torch.cat([self.enlarge(self.dropout(features)), self.skip_dropout(skip)], dim=1)
        return self.activation(self.convolutions(both) + both)


def _convolutions(channels: int, count: int) -> nn.Sequential:
    blocks = [(_conv(channels, channels), nn.BatchNorm3d(channels), nn.PReLU(channels)) for _ in range(count)]
    return nn.Sequential(*(layer for block in blocks for layer in block))


def _conv(inputs: int, outputs: int) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, 5, padding=2)
