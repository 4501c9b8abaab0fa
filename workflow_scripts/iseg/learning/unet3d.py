"""UNET3D: the residual U-Net of Isensee et al. 2017 (arXiv 1802.10508), as MedicalZoo trains it.

It is not the 3-D U-Net of Cicek et al., which `cicek.py` has. Within levels 2 to 5 both convolutions share one set of
weights, instance normalisation has no parameters, and convolutions have no biases.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from iseg.learning.layers import CLASSES, MODALITIES, scaled

BASE = 8  # channels of the first level; each further one has twice as many
LEVELS = 5
DROPOUT = 0.6  # of whole channels


class UNet3D(nn.Module):
    """A U-Net of five levels, whose two middle decoder levels add their own logits to those of the last."""

    def __init__(self, width: float) -> None:
        super().__init__()
        channels = [scaled(BASE * 2**level, width) for level in range(LEVELS)]
        first = channels[0]
        self.first = _conv(MODALITIES, first)
        self.residual = nn.Sequential(
            nn.LeakyReLU(), _conv(first, first), nn.Dropout3d(DROPOUT), nn.LeakyReLU(), _conv(first, first)
        )
        pairs = list(pairwise(channels))
        self.down = nn.ModuleList(_conv(above, below, stride=2) for above, below in pairs)
        self.shared = nn.ModuleList(nn.Sequential(*_activated(below), _conv(below, below)) for _, below in pairs)
        self.dropout = nn.Dropout3d(DROPOUT)
        self.activated = nn.ModuleList(nn.Sequential(*_activated(count)) for count in channels)
        self.up = nn.ModuleList(
            nn.Sequential(nn.Upsample(scale_factor=2), _conv(below, above), *_activated(above))
            for above, below in reversed(pairs)
        )
        deepest = channels[-2]
        self.deepest = nn.Sequential(_conv(deepest, deepest, kernel=1), *_activated(deepest))
        merged = [2 * above for above in reversed(channels[:-1])]  # a level's features beside those from below
        self.merge = nn.ModuleList(nn.Sequential(_conv(count, count), *_activated(count)) for count in merged)
        self.halve = nn.ModuleList(
            nn.Sequential(_conv(count, count // 2, kernel=1), *_activated(count // 2)) for count in merged[:-1]
        )
        self.heads = nn.ModuleList(_conv(count, CLASSES, kernel=1) for count in merged[1:])
        self.enlarge = nn.Upsample(scale_factor=2)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 2, X, Y, Z) to logits (B, 4, X, Y, Z); sides are multiples of 16, and not all of them 16."""
        features, skips = self._encoded(images)
        features = self.deepest(self.up[0](self.activated[-1](features)))
        features = self.merge[0](torch.cat([features, skips[-1]], dim=1))
        answers = []
        for level, skip in enumerate(reversed(skips[:-1])):
            features = self.up[level + 1](self.halve[level](features))
            features = self.merge[level + 1](torch.cat([features, skip], dim=1))
            answers.append(self.heads[level](features))
        logits, *larger = answers
        for answer in larger:
            logits = answer + self.enlarge(logits)
        return logits

    def _encoded(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The deepest level's features before their normalisation, and the skips, from the largest down."""
        features = self.first(images)
        features = features + self.residual(features)
        skips = [nn.functional.leaky_relu(features)]  # the only one that is not normalised
        for level, (down, shared) in enumerate(zip(self.down, self.shared, strict=True)):
            features = self.activated[level](features)
            if level:
                skips.append(features)
            features = down(features)
            features = features + shared(self.dropout(shared(features)))
        return features, skips


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)


def _activated(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.InstanceNorm3d(channels), nn.LeakyReLU()
