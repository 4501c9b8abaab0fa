"""FC-DenseNet with squeeze-and-attention and ConvLSTM once more, as plain functions of arrays and a state dict.

Written from the definition, one slice step at a time, in evaluation mode (running statistics, no dropout).
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Weights = Mapping[str, Tensor]


def settled(model: nn.Module) -> nn.Module:
    """An untrained network in evaluation mode whose normalisations fit its own activations."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    model(torch.randn(4, 3, 1, 64, 64))
    return model.eval().requires_grad_(False)


def part(weights: Weights, prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def normalised(x: Tensor, w: Weights) -> Tensor:
    scale = w["weight"] / torch.sqrt(w["running_var"] + 1e-5)
    return (x - w["running_mean"][:, None, None]) * scale[:, None, None] + w["bias"][:, None, None]


def dense_layer(x: Tensor, w: Weights) -> Tensor:
    return F.conv2d(normalised(x, part(w, "0.")).clamp(min=0), w["2.weight"], w["2.bias"], padding=1)


def dense_block(x: Tensor, w: Weights, keep_input: bool) -> Tensor:
    new: list[Tensor] = []
    for at in range(len({name.split(".")[1] for name in w})):
        new.append(dense_layer(torch.cat([x, *new], dim=1), part(w, f"layers.{at}.")))
    return torch.cat([x, *new] if keep_input else new, dim=1)


def transition_down(x: Tensor, w: Weights) -> Tensor:
    wide = F.conv2d(normalised(x, part(w, "0.")).clamp(min=0), w["2.weight"], w["2.bias"])
    quarters = [wide[..., row::2, column::2] for row in (0, 1) for column in (0, 1)]
    return torch.stack(quarters).amax(dim=0)


def transition_up(x: Tensor, skip: Tensor, w: Weights) -> Tensor:
    height, width = x.shape[-2:]
    larger = x.new_zeros(len(x), w["up.weight"].shape[1], 2 * height + 1, 2 * width + 1)
    for row in range(3):
        for column in range(3):
            share = torch.einsum("nchw,cd->ndhw", x, w["up.weight"][:, :, row, column])
            larger[..., row : row + 2 * height : 2, column : column + 2 * width : 2] += share
    larger += w["up.bias"][:, None, None]
    return torch.cat([larger[..., : 2 * height, : 2 * width], skip], dim=1)


def squeeze_attention(x: Tensor, w: Weights) -> Tensor:
    def branch(y: Tensor, v: Weights) -> Tensor:
        for conv, norm in (("0.", "1."), ("3.", "4.")):
            y = normalised(F.conv2d(y, v[conv + "weight"], v[conv + "bias"], padding=1), part(v, norm)).clamp(min=0)
        return y

    halved = (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4
    attention = branch(halved, part(w, "attention.1.")).repeat_interleave(2, dim=-2).repeat_interleave(2, dim=-1)
    return attention * branch(x, part(w, "main.")) + attention


def conv_lstm(steps: list[Tensor], kernel: Tensor) -> list[Tensor]:
    """Hidden states of one direction over inputs (B, C, H, W) in the order given."""
    size = len(kernel) // 4
    hidden = cell = steps[0].new_zeros(len(steps[0]), size, *steps[0].shape[-2:])
    states = []
    for step in steps:
        maps = F.conv2d(torch.cat([step, hidden], dim=1), kernel, padding=1)
        enter, keep, show, candidate = (maps[:, at * size : (at + 1) * size] for at in range(4))
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(enter) * torch.tanh(candidate)
        hidden = torch.sigmoid(show) * torch.tanh(cell)
        states.append(hidden)
    return states


def network(windows: Tensor, w: Weights, attention: bool, directions: int) -> Tensor:
    """Logits (B, S, 2, H, W) of windows (B, S, 3, H, W)."""
    encoded = [encode(image, w, attention) for image in windows.unbind(1)]
    states = [[features for features, _ in encoded]]
    if directions:
        states = [conv_lstm(states[0], w["lstm.gates.0.weight"])]
    if directions == 2:
        states.append(conv_lstm([features for features, _ in encoded][::-1], w["lstm.gates.1.weight"]))
    mixed = [torch.cat(each, dim=1) for each in zip(*states, strict=True)]
    return torch.stack(
        [decode(each, skips, w, attention) for each, (_, skips) in zip(mixed, encoded, strict=True)], dim=1
    )


def encode(image: Tensor, w: Weights, attention: bool) -> tuple[Tensor, list[Tensor]]:
    x, skips = F.conv2d(image, w["first.weight"], w["first.bias"], padding=1), []
    for level in range(5):
        x = dense_block(x, part(w, f"down.{level}.0."), keep_input=True)
        if attention:
            x = squeeze_attention(x, part(w, f"down.{level}.1."))
        skips.append(x)
        x = transition_down(x, part(w, f"transitions_down.{level}."))
    return dense_block(x, part(w, "bottleneck."), keep_input=False), skips


def decode(x: Tensor, skips: list[Tensor], w: Weights, attention: bool) -> Tensor:
    for level in range(5):
        x = transition_up(x, skips[4 - level], part(w, f"transitions_up.{level}."))
        x = dense_block(x, part(w, f"up.{level}.0."), keep_input=level == 4)
        if attention and level < 4:
            x = squeeze_attention(x, part(w, f"up.{level}.1."))
    return F.conv2d(x, w["last.weight"], w["last.bias"])
