"""The squeeze-and-attention block (Zhong et al. 2020), in the form used for MS lesions: no sigmoid, no residual."""

from torch import Tensor, nn


class SqueezeAttention(nn.Module):
    """Two convolutions at full size, weighed by and added to two at half size; needs even sizes.

    attention * main + attention, both the outputs of ReLUs, so the result is not negative.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = _two_convolutions(channels)
        self.attention = nn.Sequential(
            nn.AvgPool2d(2), _two_convolutions(channels), nn.Upsample(scale_factor=2, mode="nearest")
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        attention = self.attention(features)
        return attention * self.main(features) + attention


def _two_convolutions(channels: int) -> nn.Sequential:
    parts = [(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(True)) for _ in range(2)]
    return nn.Sequential(*(layer for part in parts for layer in part))
