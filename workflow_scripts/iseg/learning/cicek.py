"""The 3-D U-Net of Cicek et al. 2016 (arXiv 1606.06650), which the published write-up describes.

It is not the network that the published code trains under that name, which `unet3d.py` has.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from iseg.learning.layers import CLASSES, MODALITIES, scaled

CHANNELS = (32, 64, 128, 256, 512)  # of the first convolution, then of what each level gives


class CicekUNet3D(nn.Module):
    """Four levels of two 3x3x3 convolutions; the second doubles the channels before each maximum is taken."""

    def __init__(self, width: float) -> None:
        super().__init__()
        first, *given = (scaled(count, width) for count in CHANNELS)
        self.down = nn.ModuleList([_block(MODALITIES, first, given[0])])
        self.down.extend(_block(above, above, below) for above, below in pairwise(given))
        self.halve = nn.MaxPool3d(2)
        pairs = list(pairwise(reversed(given)))
        self.enlarge = nn.ModuleList(nn.ConvTranspose3d(below, below, 2, stride=2, bias=False) for below, _ in pairs)
        self.up = nn.ModuleList(_block(below + above, above, above) for below, above in pairs)
        self.last = nn.Conv3d(given[0], CLASSES, 1)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 2, X, Y, Z) to logits (B, 4, X, Y, Z); sides are multiples of 8."""
        skips = [self.down[0](images)]
        for block in self.down[1:]:
            skips.append(block(self.halve(skips[-1])))
        features = skips.pop()
        for enlarge, block in zip(self.enlarge, self.up, strict=True):
            features = block(torch.cat([enlarge(features), skips.pop()], dim=1))
        return self.last(features)


def _block(inputs: int, between: int, outputs: int) -> nn.Sequential:
    first, second = nn.Conv3d(inputs, between, 3, padding=1), nn.Conv3d(between, outputs, 3, padding=1)
    return nn.Sequential(first, nn.BatchNorm3d(between), nn.ReLU(), second, nn.BatchNorm3d(outputs), nn.ReLU())
