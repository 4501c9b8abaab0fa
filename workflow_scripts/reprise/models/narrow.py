"""Narrower networks of the same kind: a width multiplies every hidden channel count of a convolutional network."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.overrides import TorchFunctionMode

from reprise.step.errors import InputError

Scaled = Callable[[int], int]  # the number of a layer's channels to that of its narrowed form
KNOWN = (_ConvNd, _BatchNorm, nn.GroupNorm, nn.Linear)


def narrow(
    build: Callable[[], nn.Module], width: float, image_shape: tuple[int, ...], least: int = 1, last: str | None = None
) -> nn.Module:
    """Build a convolutional network with every hidden channel count multiplied by `width`.

    The network runs once on an image of zeros. Each layer takes the number of inputs that reaches it and rounds its own
    outputs, so that concatenations and residual sums agree at any width.

    Args:
        build: makes the network at width 1.
        width: above 0, at most 1.
        image_shape: (channels, ..., height, width) of one input; its channels are kept.
        least: channels that a layer keeps, if it has as many; so a single output stays.
        last: name of a layer whose outputs are not hidden, so that their number stays.

    Returns:
        The network in training mode with fresh weights: those of a convolution that batch normalisation
        follows (it has no bias) are He-normal by fan-out, as in torchvision, others torch's default.

    Raises:
        InputError: the width is out of range, or the network has layers other than convolutions, normalisations of
            batches or groups, and linear layers.
    """
    if not 0 < width <= 1:
        raise InputError(f"width: expected above 0 and at most 1, found {width}")
    with _WithoutValues():
        model = build().eval()
    _resize_all(model, partial(_scaled, width, least), last, torch.zeros(1, *image_shape))
    model.apply(_initialise)
    return model.train()


class _WithoutValues(TorchFunctionMode):
    """Skips the initialisation of layers, which are about to be replaced."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in (Tensor.normal_, Tensor.uniform_) or getattr(function, "__module__", "") == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))


def _resize_all(model: nn.Module, scaled: Scaled, last: str | None, images: Tensor) -> None:
    layers = {
        name: layer for name, layer in model.named_modules() if any(True for _ in layer.parameters(recurse=False))
    }
    strange = {type(layer).__name__ for layer in layers.values() if not isinstance(layer, KNOWN)}
    if strange:
        raise InputError(f"width: only convolutional networks can be narrowed, found {', '.join(sorted(strange))}")
    hooks = [
        layer.register_forward_pre_hook(partial(_resize, int if name == last else scaled))
        for name, layer in layers.items()
    ]
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()


def _resize(scaled: Scaled, layer: Any, inputs: tuple[Tensor, ...]) -> None:
    """Give a layer the inputs that reach it, and scale its outputs, just before it runs."""
    if isinstance(layer, _BatchNorm):
        layer.num_features = inputs[0].shape[1]
        sized: dict[str, tuple[int, ...]] = dict.fromkeys(
            ("weight", "bias", "running_mean", "running_var"), (layer.num_features,)
        )
    elif isinstance(layer, nn.GroupNorm):
        in_a_group, layer.num_channels = layer.num_channels // layer.num_groups, inputs[0].shape[1]
        layer.num_groups = math.gcd(max(1, layer.num_channels // in_a_group), layer.num_channels)
        sized = dict.fromkeys(("weight", "bias"), (layer.num_channels,))
    elif isinstance(layer, nn.Linear):
        layer.in_features, layer.out_features = inputs[0].shape[-1], scaled(layer.out_features)
        sized = {"weight": (layer.out_features, layer.in_features), "bias": (layer.out_features,)}
    else:
        layer.groups, layer.in_channels, layer.out_channels = _convolution(layer, inputs[0].shape[1], scaled)
        seen, given = layer.in_channels, layer.out_channels
        if isinstance(layer, _ConvTransposeNd):
            seen, given = given, seen  # its weights lie the other way round
        sized = {"weight": (given, seen // layer.groups, *layer.kernel_size), "bias": (layer.out_channels,)}
    for name, shape in sized.items():
        tensor = getattr(layer, name)
        if tensor is not None:
            tensor.data = torch.empty(shape)


def _convolution(layer: _ConvNd, inputs: int, scaled: Scaled) -> tuple[int, int, int]:
    """Groups, inputs and outputs of a narrowed convolution; a depthwise one stays depthwise."""
    outputs = scaled(layer.out_channels)
    if layer.groups == layer.in_channels > 1:
        return inputs, inputs, inputs * (layer.out_channels // layer.in_channels)
    return math.gcd(layer.groups, inputs, outputs), inputs, outputs


def _scaled(width: float, least: int, channels: int) -> int:
    return max(min(least, channels), round(channels * width))


def _initialise(layer: nn.Module) -> None:
    if isinstance(layer, KNOWN):
        layer.reset_parameters()
    if isinstance(layer, _ConvNd) and layer.bias is None:
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
