"""DENSENET1 to DENSENET3: densely connected networks without pooling (Dolz et al. 2018, arXiv 1804.02967).

They differ in where T1 and T2 meet: DENSENET1 takes both as channels of one path, DENSENET2 has a path for each and
joins what the paths give, DENSENET3 has a first layer for each and one path for both.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from iseg.learning.layers import CLASSES, MODALITIES, scaled
from iseg.learning.recomputed import recomputed

GROWTHS = (25, 25, 25, 50, 50, 50, 75, 75, 75)  # new channels of each layer
AFTER_FIRST = GROWTHS[1:]  # of a path behind a first layer
POINTWISE = (400, 200, 150)  # channels of the 1x1x1 convolutions at a path's end
DROPOUT, POINTWISE_DROPOUT = 0.1, 0.5  # of single voxels


class DenseNet1(nn.Module):
    """One path for both modalities."""

    def __init__(self, width: float) -> None:
        super().__init__()
        self.path = _Path(MODALITIES, GROWTHS, width, DROPOUT)
        self.last = nn.Conv3d(self.path.channels, CLASSES, 1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 2, X, Y, Z) to logits (B, 4, X, Y, Z), for all sides."""
        return self.last(self.path([images]))


class DenseNet2(nn.Module):
    """A path for each modality. In the published code the path's end takes 503 channels, but only 426 reach it."""

    def __init__(self, width: float) -> None:
        super().__init__()
        paths = [_Path(1, AFTER_FIRST, width, dropout=0) for _ in range(MODALITIES)]
        self.paths = nn.ModuleList(paths)
        self.last = nn.Conv3d(sum(path.channels for path in paths), CLASSES, 1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 2, X, Y, Z) to logits (B, 4, X, Y, Z), for all sides."""
        given = [path([modality]) for path, modality in zip(self.paths, images.split(1, dim=1), strict=True)]
        return self.last(torch.cat(given, dim=1))


class DenseNet3(nn.Module):
    """A first layer for each modality, then one path. The published code gives T2 to the first layer of T1 too."""

    def __init__(self, width: float) -> None:
        super().__init__()
        growth = scaled(GROWTHS[0], width)
        self.first = nn.ModuleList(_Layer(1, growth, DROPOUT) for _ in range(MODALITIES))
        self.path = _Path(MODALITIES * (1 + growth), AFTER_FIRST, width, DROPOUT)
        self.last = nn.Conv3d(self.path.channels, CLASSES, 1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 2, X, Y, Z) to logits (B, 4, X, Y, Z), for all sides."""
        first = [layer(modality) for layer, modality in zip(self.first, images.split(1, dim=1), strict=True)]
        return self.last(self.path([images, *first]))


class _Path(nn.Module):
    """Layers, each of which sees all features before it, then 1x1x1 convolutions, with no activation between them."""

    def __init__(self, channels: int, growths: Sequence[int], width: float, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for growth in (scaled(count, width) for count in growths):
            self.layers.append(_Layer(channels, growth, dropout))
            channels += growth
        self.pointwise = nn.ModuleList()
        for count in (scaled(count, width) for count in POINTWISE):
            self.pointwise.append(_Pointwise(channels, count))
            channels = count
        self.channels = channels

    def forward(self, features: list[Tensor]) -> Tensor:
        features = list(features)
        for layer in self.layers:
            features.append(recomputed(layer, *features))
        for layer in self.pointwise:
            features = [recomputed(layer, *features)]
        return features[0]


class _Layer(nn.Sequential):
    """Batch normalisation, ReLU, 3x3x3 convolution and dropout of all features before it."""

    def __init__(self, channels: int, growth: int, dropout: float) -> None:
        super().__init__(
            nn.BatchNorm3d(channels),
            nn.ReLU(inplace=True),
            nn.Conv3d(channels, growth, 3, padding=1, bias=False),
            nn.Dropout(dropout),
        )

    def forward(self, *features: Tensor) -> Tensor:
        return super().forward(torch.cat(features, dim=1))


class _Pointwise(nn.Sequential):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Conv3d(inputs, outputs, 1, bias=False), nn.Dropout(POINTWISE_DROPOUT))

    def forward(self, *features: Tensor) -> Tensor:
        return super().forward(torch.cat(features, dim=1))
