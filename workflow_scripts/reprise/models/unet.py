"""U-Nets in the form of nnU-Net, from MONAI, in two and in three dimensions."""

from typing import Any

from torch import Tensor, nn

from reprise.models.lean_torchvision import lean_monai
from reprise.step.errors import InputError

# Dimensions, and the channels of each resolution at width 1. Each resolution after the first halves the image.
STAGES = {"unet_2d": (2, (32, 64, 128, 256, 512, 512)), "unet_3d": (3, (32, 64, 128, 256, 320))}


class UNet(nn.Module):
    """The parts of a DynUNet, each held once. The state dict of a DynUNet itself names each array twice."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.down = nn.ModuleList([network.input_block, *network.downsamples, network.bottleneck])
        self.up = network.upsamples
        self.last = network.output_block

    def forward(self, images: Tensor) -> Tensor:
        """(B, channels, ...) to logits (B, classes, ...)."""
        features, skips = images, []
        for block in self.down:
            features = block(features)
            skips.append(features)
        for block, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            features = block(features, skip)
        return self.last(features)


def unet(name: str, width: float = 1, classes: int = 2, channels: int = 1) -> UNet:
    """A U-Net of nnU-Net's blocks: convolution, instance normalisation, leaky ReLU, twice at each resolution.

    unet_2d maps (B, channels, H, W) to logits (B, classes, H, W), sizes multiples of 32 and more than 32; unet_3d maps
    (B, channels, D, H, W) to (B, classes, D, H, W), multiples of 16 and more than 16. There is no deep supervision.

    Args:
        name: unet_2d or unet_3d.
        width: each number of hidden channels is multiplied by this.
        classes: how many the network tells apart, with the background.
        channels: of its input.

    Raises:
        InputError: no such network, or the width is out of range.
    """
    # MONAI takes seconds to import, so only a step that builds its networks imports it.
    with lean_monai():
        from monai.networks.nets import DynUNet

    if name not in STAGES:
        raise InputError(f"network: expected one of {', '.join(STAGES)}, found {name}")
    if not 0 < width <= 1:
        raise InputError(f"width: expected above 0 and at most 1, found {width}")
    dimensions, hidden = STAGES[name]
    halvings = [2] * (len(hidden) - 1)
    filters = [max(1, round(count * width)) for count in hidden]
    kernels, strides = [3] * len(hidden), [1, *halvings]
    return UNet(DynUNet(dimensions, channels, classes, kernels, strides, halvings, filters))
