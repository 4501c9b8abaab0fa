"""RESNET3DVAE: a residual network with a variational autoencoder beside it (Myronenko 2018, arXiv 1810.11654).

The published code takes the logarithm of what should be one, which is not a number where that is negative, and its loss
does not take the four answers; both are mended here. As in that code, a block adds what lies between its two
convolutions, not its input, and linear layers know crops of side 64 only: crops of other sides are resized there.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool3d, interpolate

from iseg.learning.layers import CLASSES, MODALITIES, scaled
from reprise.models.noise import Noise

FIRST, GROUPS = 32, 8  # channels of the first level; groups of every normalisation
BLOCKS = (1, 2, 2, 4)  # of each level on the way down; each level has twice the channels of the one above
DROPOUT = 0.2  # of whole channels
CODE = 16  # channels of the code from which images are reconstructed
CODE_SIDE = 4  # of the code, for crops of side 64
RECONSTRUCTION, DIVERGENCE = 0.1, 0.1  # weights of the penalty's two parts


class ResNetVAE(nn.Module):
    """Four levels down and up. In training, images are also reconstructed from what lies at the lowest level."""

    def __init__(self, width: float) -> None:
        super().__init__()
        channels = [scaled(FIRST, width, GROUPS) * 2**level for level in range(len(BLOCKS))]
        self.first = nn.Sequential(_conv(MODALITIES, channels[0]), nn.Dropout3d(DROPOUT))
        self.halve = nn.ModuleList([nn.Identity()])
        self.halve.extend(_conv(count, 2 * count, stride=2) for count in channels[:-1])
        self.down = nn.ModuleList(
            nn.Sequential(*(_Block(count) for _ in range(blocks)))
            for count, blocks in zip(channels, BLOCKS, strict=True)
        )
        above = channels[-2::-1]
        self.enlarge = nn.ModuleList(_enlargement(2 * count, count) for count in above)
        self.up = nn.ModuleList(map(_Block, above))
        self.last = _conv(channels[0], CLASSES)
        self.autoencoder = _Autoencoder(channels, scaled(CODE, width))

    def forward(self, images: Tensor) -> Tensor:
        """(B, 2, X, Y, Z) to logits (B, 4, X, Y, Z); sides are multiples of 8.

        In training mode to (B, 5, X, Y, Z): the last channel is the penalty.
        """
        features, skips = self.first(images), []
        for halve, blocks in zip(self.halve, self.down, strict=True):
            features = blocks(halve(features))
            skips.append(features)
        lowest = skips.pop()
        features = lowest
        for enlarge, block in zip(self.enlarge, self.up, strict=True):
            features = block(enlarge(features) + skips.pop())
        logits = self.last(features)
        return torch.cat([logits, self.autoencoder(lowest, images)], dim=1) if self.training else logits


class _Autoencoder(nn.Module):
    """The penalty of each voxel, so that its mean is the sum of the two losses of Myronenko's equation 1.

    They are the squared error of the reconstruction, and the divergence of the code from a normal distribution.
    """

    def __init__(self, channels: list[int], code: int) -> None:
        super().__init__()
        *others, lowest = channels
        self.encode = nn.Sequential(nn.GroupNorm(GROUPS, lowest), nn.ReLU(), _conv(lowest, code, stride=2))
        self.code, self.distribution = nn.Linear(code * CODE_SIDE**3, lowest), lowest // 2
        self.noise = Noise()
        self.decode = nn.Sequential(
            nn.Linear(self.distribution, code * CODE_SIDE**3),
            nn.Unflatten(1, (code, *[CODE_SIDE] * 3)),
            nn.ReLU(),
            _enlargement(code, lowest),
        )
        for count in reversed(others):
            self.decode.extend([_enlargement(2 * count, count), _Block(count)])
        self.decode.append(_conv(channels[0], MODALITIES))

    def forward(self, features: Tensor, images: Tensor) -> Tensor:
        code = self.code(adaptive_avg_pool3d(self.encode(features), CODE_SIDE).flatten(1))
        mean, log_variance = code.split(self.distribution, dim=1)
        drawn = mean + self.noise(mean) * (log_variance / 2).exp()
        found = interpolate(self.decode(drawn), images.shape[2:], mode="trilinear")
        error = (found - images).square().mean(dim=1, keepdim=True)
        divergence = (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1) / images[0, 0].numel()
        return RECONSTRUCTION * error + DIVERGENCE * divergence[:, None, None, None, None]


class _Block(nn.Module):
    """Two convolutions behind group normalisations."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = (nn.Sequential(nn.GroupNorm(GROUPS, channels), nn.ReLU()) for _ in range(2))
        self.first = nn.Sequential(first, _conv(channels, channels), second)
        self.second = _conv(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        between = self.first(features)
        return self.second(between) + between


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1)


def _enlargement(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv3d(inputs, outputs, 1), nn.Upsample(scale_factor=2))
