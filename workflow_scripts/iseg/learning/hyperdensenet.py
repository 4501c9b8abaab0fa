"""HYPERDENSENET: two densely connected streams, in which each layer sees all features of both (Dolz et al. 2018).

doi 10.1109/TMI.2018.2878669. In the published code convolutions have no padding, so that the answer is 18 voxels
smaller a side than the image, and no loss can be computed; here they are padded.
"""

import torch
from torch import Tensor, nn

from iseg.learning.dense_paths import GROWTHS, POINTWISE
from iseg.learning.layers import CLASSES, MODALITIES, scaled
from iseg.learning.recomputed import recomputed


class HyperDenseNet(nn.Module):
    """A stream for each modality."""

    def __init__(self, width: float) -> None:
        super().__init__()
        first, *further = (scaled(growth, width) for growth in GROWTHS)
        self.first = nn.ModuleList(
            nn.Sequential(nn.PReLU(), nn.Conv3d(1, first, 3, padding=1)) for _ in range(MODALITIES)
        )
        channels = MODALITIES * first
        self.layers = nn.ModuleList()  # at each depth one for each stream
        for growth in further:
            self.layers.extend(_Layer(channels, growth) for _ in range(MODALITIES))
            channels += MODALITIES * growth
        self.last = _Last(channels, width)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 2, X, Y, Z) to logits (B, 4, X, Y, Z), for all sides."""
        features = [layer(modality) for layer, modality in zip(self.first, images.split(1, dim=1), strict=True)]
        for at in range(0, len(self.layers), MODALITIES):
            features += [recomputed(layer, *features) for layer in self.layers[at : at + MODALITIES]]
        return recomputed(self.last, *features)


class _Layer(nn.Sequential):
    """Batch normalisation, PReLU and 3x3x3 convolution of all features before it."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__(nn.BatchNorm3d(channels), nn.PReLU(), nn.Conv3d(channels, growth, 3, padding=1))

    def forward(self, *features: Tensor) -> Tensor:
        return super().forward(torch.cat(features, dim=1))


class _Last(nn.Sequential):
    """1x1x1 convolutions of what both streams hold: each of them all features, which thus come twice, as published."""

    def __init__(self, channels: int, width: float) -> None:
        counts = [MODALITIES * channels, *(scaled(count, width) for count in POINTWISE), CLASSES]
        super().__init__(*(nn.Conv3d(counts[at], counts[at + 1], 1) for at in range(len(counts) - 1)))

    def forward(self, *features: Tensor) -> Tensor:
        return super().forward(torch.cat(features * MODALITIES, dim=1))
