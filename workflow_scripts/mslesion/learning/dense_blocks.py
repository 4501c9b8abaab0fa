"""The parts of a fully convolutional DenseNet (Jegou et al. 2017): dense layers and blocks, transitions down and up."""

import torch
from torch import Tensor, nn

DROPOUT = 0.2  # of whole channels


class DenseLayer(nn.Sequential):
    """Batch normalisation, ReLU, 3x3 convolution, channel dropout; (B, C, H, W) to (B, growth, H, W)."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, growth, 3, padding=1),
            nn.Dropout2d(DROPOUT),
        )


class DenseBlock(nn.Module):
    """Dense layers, each of which sees the block's input and all features before it.

    Maps (B, C, H, W) to its input and all new features, or with `keep_input` off to the layers * growth new ones.
    """

    def __init__(self, channels: int, growth: int, layers: int, keep_input: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DenseLayer(channels + at * growth, growth) for at in range(layers))
        self.new_from = 0 if keep_input else channels
        self.channels = channels + layers * growth - self.new_from

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to (B, channels, H, W)."""
        for layer in self.layers:
            features = torch.cat([features, layer(features)], dim=1)
        return features[:, self.new_from :]


class TransitionDown(nn.Sequential):
    """Batch normalisation, ReLU, 1x1 convolution, channel dropout, 2x2 maximum; (B, C, H, W) to (B, C, H/2, W/2)."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 1),
            nn.Dropout2d(DROPOUT),
            nn.MaxPool2d(2),
        )


class TransitionUp(nn.Module):
    """3x3 transposed convolution of stride 2, cut to the skip's size around the centre, then the skip's channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels, channels, 3, stride=2)

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        """(B, C, h, w) and the skip (B, S, H, W) to (B, C + S, H, W); of one row or column too many, the last goes."""
        larger = self.up(features)
        height, width = skip.shape[-2:]
        top, left = (larger.shape[-2] - height) // 2, (larger.shape[-1] - width) // 2
        return torch.cat([larger[..., top : top + height, left : left + width], skip], dim=1)
