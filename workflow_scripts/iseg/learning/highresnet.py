"""HIGHRESNET: dilated convolutions at full size, after Li et al. 2017 (arXiv 1707.01992).

As in the published code, a block gets the sum of what the two blocks before it give. In the paper, and in MONAI's
HighResNet, a block adds its own input to what it gives.
"""

from torch import Tensor, nn

from iseg.learning.layers import CLASSES, MODALITIES, scaled

STAGES = ((16, 1), (32, 2), (64, 4))  # channels and dilation
BLOCKS = 3  # of each stage, each of two convolutions
LAST = 80
DROPOUT = 0.5  # of whole channels


class HighResNet(nn.Module):
    """Three stages of three blocks; no layer changes the sides."""

    def __init__(self, width: float) -> None:
        super().__init__()
        channels, last = scaled(STAGES[0][0], width), scaled(LAST, width)
        self.first = nn.Conv3d(MODALITIES, channels, 3, padding=1)
        self.activation = nn.Sequential(nn.BatchNorm3d(channels), nn.ReLU())
        self.blocks = nn.ModuleList()
        for count, dilation in ((scaled(count, width), dilation) for count, dilation in STAGES):
            for _ in range(BLOCKS):
                self.blocks.append(nn.Sequential(*_half(channels, count, dilation), *_half(count, count, dilation)))
                channels = count
        self.last = nn.Sequential(
            nn.Conv3d(channels, last, 1),
            nn.Dropout3d(DROPOUT),
            nn.BatchNorm3d(last),
            nn.ReLU(),
            nn.Conv3d(last, CLASSES, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(B, 2, X, Y, Z) to logits (B, 4, X, Y, Z), for all sides."""
        features = self.first(images)
        before, last = self.activation(features), self.blocks[0](features)
        for block in self.blocks[1:]:
            before, last = last, block(_added(last, before))
        return self.last(_added(last, before))


def _added(more: Tensor, fewer: Tensor) -> Tensor:
    """The sum of two arrays, of which the second gets channels of zeros before and after its own if it has fewer."""
    missing = more.shape[1] - fewer.shape[1]
    return more + nn.functional.pad(fewer, (*[0] * 6, missing // 2, missing - missing // 2))


def _half(inputs: int, outputs: int, dilation: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv3d(inputs, outputs, 3, padding=dilation, dilation=dilation)
    return nn.BatchNorm3d(inputs), nn.ReLU(), convolution
