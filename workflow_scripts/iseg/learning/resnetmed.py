"""RESNETMED3D: the ResNet-18 of Med3D with three transposed convolutions (Chen et al. 2019, arXiv 1904.00625)."""

from torch import Tensor, nn

from iseg.learning.layers import CLASSES, MODALITIES, scaled

STAGES = ((64, 1, 1), (128, 2, 1), (256, 1, 2), (512, 1, 4))  # channels, stride and dilation
BLOCKS = 2  # of each stage
UP, LAST = 256, 128  # channels of the transposed convolutions, and of the convolution behind them


class ResNetMed(nn.Module):
    """A ResNet that goes down to an eighth of the sides, and its way back."""

    def __init__(self, width: float) -> None:
        super().__init__()
        channels, up, last = scaled(STAGES[0][0], width), scaled(UP, width), scaled(LAST, width)
        stem = nn.Conv3d(MODALITIES, channels, 7, stride=2, padding=3, bias=False)
        self.stem = nn.Sequential(stem, *_activated(channels), nn.MaxPool3d(3, stride=2, padding=1))
        self.blocks = nn.Sequential()
        for count, stride, dilation in STAGES:
            for block in range(BLOCKS):
                outputs = scaled(count, width)
                self.blocks.append(_Block(channels, outputs, 1 if block else stride, dilation))
                channels = outputs
        self.up = nn.Sequential()
        for inputs in (channels, up, up):
            self.up.extend([nn.ConvTranspose3d(inputs, up, 2, stride=2), *_activated(up)])
        self.last = nn.Sequential(_conv(up, last), *_activated(last), nn.Conv3d(last, CLASSES, 1, bias=False))
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 2, X, Y, Z) to logits (B, 4, X, Y, Z); sides are multiples of 8."""
        return self.last(self.up(self.blocks(self.stem(images))))


class _Block(nn.Module):
    """Two convolutions, of which the first has the stride and the dilation, and the input added to what they give."""

    def __init__(self, inputs: int, outputs: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            _conv(inputs, outputs, stride, dilation),
            *_activated(outputs),
            _conv(outputs, outputs),
            nn.BatchNorm3d(outputs),
        )
        same = inputs == outputs and stride == 1
        shortcut = nn.Conv3d(inputs, outputs, 1, stride=stride, bias=False)
        self.shortcut = nn.Identity() if same else nn.Sequential(shortcut, nn.BatchNorm3d(outputs))
        self.activation = nn.ReLU()

    def forward(self, features: Tensor) -> Tensor:
        return self.activation(self.convolutions(features) + self.shortcut(features))


def _activated(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm3d(channels), nn.ReLU()


def _conv(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, 3, stride=stride, padding=dilation, dilation=dilation, bias=False)


def _initialise(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv3d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
