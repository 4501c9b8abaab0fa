"""SKIPDENSENET3D: a DenseNet whose blocks each give logits, all brought to the image's size (Bui et al. 2017).

arXiv 1709.03199.
"""

import torch
from torch import Tensor, nn

from iseg.learning.layers import CLASSES, MODALITIES, scaled

FIRST, GROWTH = 32, 16
BLOCKS, LAYERS = 4, 4  # dense blocks, and layers of each
BOTTLENECK = 4  # times the growth: channels between the two convolutions of a layer
DROPOUT = 0.1  # of single voxels


class SkipDenseNet(nn.Module):
    """Three convolutions at full size, then dense blocks, each on half the sides of the one before."""

    def __init__(self, width: float) -> None:
        super().__init__()
        # The way back to full size has a group of channels for each class.
        channels, growth = scaled(FIRST, width, CLASSES), scaled(GROWTH, width)
        self.first = nn.Sequential(_conv(MODALITIES, channels, 3))
        for _ in range(2):
            self.first.extend([*_activated(channels), _conv(channels, channels, 3)])
        merged = channels + BLOCKS * CLASSES
        self.halve = nn.ModuleList(
            [nn.Sequential(*_activated(channels), nn.Conv3d(channels, channels, 2, stride=2, bias=False))]
        )
        self.blocks, self.enlarge = nn.ModuleList(), nn.ModuleList()
        for block in range(BLOCKS):
            if block:
                fewer = max(1, channels // (2 * CLASSES)) * CLASSES
                self.halve.append(_transition(channels, fewer))
                channels = fewer
            self.blocks.append(nn.Sequential(*(_Layer(channels + at * growth, growth) for at in range(LAYERS))))
            channels += LAYERS * growth
            self.enlarge.append(_enlargement(channels, 2 ** (block + 1)))
        self.last = nn.Sequential(*_activated(merged), nn.Conv3d(merged, CLASSES, 1))
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 2, X, Y, Z) to logits (B, 4, X, Y, Z); sides are multiples of 16."""
        features = self.first(images)
        given = [features]
        for halve, block, enlarge in zip(self.halve, self.blocks, self.enlarge, strict=True):
            features = block(halve(features))
            given.append(enlarge(features))
        return self.last(torch.cat(given, dim=1))


class _Layer(nn.Sequential):
    """Two convolutions behind their normalisations; gives its input and the new channels."""

    def __init__(self, channels: int, growth: int) -> None:
        between = BOTTLENECK * growth
        first, second = _conv(channels, between, 1), _conv(between, growth, 3)
        super().__init__(*_activated(channels), first, *_activated(between), second, nn.Dropout(DROPOUT))

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([features, super().forward(features)], dim=1)


def _transition(inputs: int, outputs: int) -> nn.Sequential:
    halve = nn.Conv3d(outputs, outputs, 2, stride=2)
    return nn.Sequential(*_activated(inputs), _conv(inputs, outputs, 1), *_activated(outputs), halve)


def _enlargement(channels: int, factor: int) -> nn.ConvTranspose3d:
    """Logits at the image's size; each class has channels of its own."""
    return nn.ConvTranspose3d(channels, CLASSES, factor + 2, stride=factor, padding=1, groups=CLASSES, bias=False)


def _activated(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm3d(channels), nn.ReLU()


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, kernel, padding=kernel // 2, bias=False)


def _initialise(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv3d):
        nn.init.kaiming_normal_(layer.weight)
