"""Fully convolutional DenseNets with squeeze-and-attention blocks and a ConvLSTM across neighbouring slices.

The network of Rondinella et al. 2023 for MS lesions (doi 10.1016/j.compbiomed.2023.107021), built on the FC-DenseNets
of Jegou et al. 2017 (arXiv 1611.09326).
"""

from itertools import accumulate
from typing import NamedTuple

from torch import Tensor, nn

from mslesion.learning.conv_lstm import ConvLSTM
from mslesion.learning.dense_blocks import DenseBlock, TransitionDown, TransitionUp
from mslesion.learning.squeeze_attention import SqueezeAttention
from reprise.step.errors import InputError

IMAGE_CHANNELS, CLASSES = 3, 2
GROWTH = 12


class Layers(NamedTuple):
    """Dense layers of each block down, in the bottleneck and up, and the first convolution's channels."""

    down: tuple[int, ...]
    bottleneck: int
    up: tuple[int, ...]
    first: int


class Variant(NamedTuple):
    """Which parts a network has: squeeze-and-attention blocks, and the LSTM's number of directions (0: no LSTM)."""

    attention: bool
    directions: int


NETWORKS = {
    "fc_densenet57": Layers((4,) * 5, 4, (4,) * 5, 48),
    "fc_densenet67": Layers((5,) * 5, 5, (5,) * 5, 48),
    "fc_densenet103": Layers((4, 5, 7, 10, 12), 15, (12, 10, 7, 5, 4), 40),
}
VARIANTS = {
    "": Variant(True, 1),
    "no_attention": Variant(False, 1),
    "no_lstm": Variant(True, 0),
    "bidirectional": Variant(True, 2),
    "plain": Variant(False, 0),
}
NAMES = {
    f"{network}_{word}".rstrip("_"): (layers, variant)
    for network, layers in NETWORKS.items()
    for word, variant in VARIANTS.items()
}


class FCDenseNet(nn.Module):
    """Classes of every pixel of a window of slices; only the LSTM, at the lowest resolution, sees more than one slice.

    `encode`, `mix` and `decode` are the three parts of `forward`. Callers that need only some slices use them directly.
    """

    def __init__(self, layers: Layers, variant: Variant, growth: int, first: int) -> None:
        super().__init__()
        self.directions = variant.directions
        self.first = nn.Conv2d(IMAGE_CHANNELS, first, 3, padding=1)
        widths = list(accumulate(layers.down, lambda width, count: width + count * growth, initial=first))
        skips = widths[1:]
        self.down = nn.ModuleList(
            _block(width, growth, count, True, variant.attention)
            for width, count in zip(widths, layers.down, strict=False)
        )
        self.transitions_down = nn.ModuleList(map(TransitionDown, skips))
        self.bottleneck = DenseBlock(widths[-1], growth, layers.bottleneck, keep_input=False)
        self.lstm = ConvLSTM(self.bottleneck.channels, variant.directions == 2) if variant.directions else nn.Identity()
        below = [growth * count for count in (layers.bottleneck, *layers.up)]
        self.transitions_up = nn.ModuleList(map(TransitionUp, below[:-1]))
        last = len(layers.up) - 1
        self.up = nn.ModuleList(
            _block(width + skip, growth, count, level == last, variant.attention and level != last)
            for level, (width, skip, count) in enumerate(zip(below, reversed(skips), layers.up, strict=False))
        )
        self.last = nn.Conv2d(below[-2] + skips[0] + below[-1], CLASSES, 1)
        self.apply(_initialise)

    def forward(self, windows: Tensor) -> Tensor:
        """Windows (B, S, 3 or 1, H, W) to logits (B, S, 2, H, W); H and W are multiples of 32."""
        features, skips = self.encode(windows.flatten(0, 1))
        mixed = self.mix(features.unflatten(0, windows.shape[:2]))
        return self.decode(mixed.flatten(0, 1), skips).unflatten(0, windows.shape[:2])

    def encode(self, slices: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Slices (N, 3 or 1, H, W) to bottleneck features (N, C, H/32, W/32) and the skips, from the largest down.

        A single channel is repeated.

        Raises:
            InputError: H or W is not a multiple of 32.
        """
        step = 2 ** len(self.down)
        if any(size % step for size in slices.shape[-2:]):
            found = " x ".join(map(str, slices.shape[-2:]))
            raise InputError(f"slices of {found} px: expected multiples of {step} in height and width")
        features = self.first(slices.expand(-1, IMAGE_CHANNELS, -1, -1))
        skips = []
        for block, transition in zip(self.down, self.transitions_down, strict=True):
            skips.append(block(features))
            features = transition(skips[-1])
        return self.bottleneck(features), skips

    def mix(self, features: Tensor) -> Tensor:
        """The LSTM's output for the bottleneck features of windows: (B, S, C, h, w) to the same shape."""
        return self.lstm(features)

    def decode(self, features: Tensor, skips: list[Tensor]) -> Tensor:
        """Bottleneck features (N, C, h, w) and skips of the same slices to logits (N, 2, H, W)."""
        for transition, block, skip in zip(self.transitions_up, self.up, reversed(skips), strict=True):
            features = block(transition(features, skip))
        return self.last(features)


def fc_densenet(name: str, width: float = 1) -> FCDenseNet:
    """One of `NAMES`, with fresh weights.

    Args:
        name: a network alone, with all parts, or followed by one word: no_attention, no_lstm, bidirectional, plain.
        width: the growth rate (12) and the first convolution's channels are multiplied by this.

    Raises:
        InputError: no such network, or the width is out of range.
    """
    if name not in NAMES:
        raise InputError(f"network: expected one of {', '.join(NAMES)}, found {name}")
    if not 0 < width <= 1:
        raise InputError(f"width: expected above 0 and at most 1, found {width}")
    layers, variant = NAMES[name]
    return FCDenseNet(layers, variant, max(1, round(GROWTH * width)), max(1, round(layers.first * width)))


def _block(channels: int, growth: int, layers: int, keep_input: bool, attention: bool) -> nn.Sequential:
    dense = DenseBlock(channels, growth, layers, keep_input)
    return nn.Sequential(dense, *([SqueezeAttention(dense.channels)] if attention else []))


def _initialise(layer: nn.Module) -> None:
    """He-uniform weights and no biases for convolutions, those of the LSTM too; others keep torch's default."""
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
