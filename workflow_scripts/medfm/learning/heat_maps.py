"""Heat maps: where in an image a network finds what it reports, by Grad-CAM of the library `grad-cam`.

Grad-CAM (Selvaraju et al., ICCV 2017) sums the channels of the last layer that has places, each with the mean of its
gradient as its weight, and keeps what is above 0.
"""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from reprise.models.lean_torchvision import without_compiler
from reprise.step.errors import InputError

LAYERS = (nn.Linear, nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)
TOGETHER = {"cpu": 16, "cuda": 64}  # images of one forward and backward pass


class Places(NamedTuple):
    """The layer whose channels make a map, and what brings its output into the form (B, C, H, W)."""

    layer: nn.Module
    arranged: Callable[[Tensor], Tensor] | None


def places_of(model: nn.Module) -> Places:
    """The last layer of a network of timm that has places.

    Of a transformer that is the input of its last attention, as the library advises: behind it, the tokens of places
    have mixed, or the answer depends on another token alone. Of others it is the output of their last stage, which
    their answer averages, of an EfficientNet after one more convolution.

    Raises:
        InputError: the network has no such layer.
    """
    stages: Any = getattr(model, "feature_info", None) or [{}]
    prefix, blocks = (getattr(model, name, None) for name in ("num_prefix_tokens", "blocks"))
    if isinstance(prefix, int) and isinstance(blocks, nn.Sequential | nn.ModuleList):
        return Places(blocks[-1].get_submodule("norm1"), lambda tokens: _squared(tokens[:, prefix:]))
    if getattr(model, "output_fmt", None) == "NHWC":
        last: Any = model.get_submodule(stages[-1]["module"])
        return Places(last.blocks[-1].norm1, lambda tokens: tokens.permute(0, 3, 1, 2))
    if "module" not in stages[-1]:
        raise InputError(f"{type(model).__name__}: expected a network of timm with a layer that has places, found none")
    return Places(model.get_submodule(stages[-1]["module"]), None)


def log_odds(outputs: Tensor) -> Tensor:
    """Outputs (..., K) of a network as one number a finding, whose sigmoid is the score.

    Two outputs are those of a softmax over normal and tumour (..., 1); others are as they are (..., K).
    """
    return outputs[..., 1:] - outputs[..., :1] if outputs.shape[-1] == 2 else outputs


def heat_maps(model: nn.Module, images: Tensor, findings: Sequence[int], places: Places | None = None) -> np.ndarray:
    """A map (N, H, W) float32 from 0 to 1 for a finding of each image; 0 everywhere if nothing speaks for it.

    Args:
        model: in evaluation mode; its weights stay as they are.
        images: (N, 3, H, W) as the network takes them.
        findings: for each image the number of the finding, see `log_odds`.
        places: see `places_of`, which finds them for networks of timm.

    Raises:
        InputError: see `places_of`.
    """
    with without_compiler():
        from pytorch_grad_cam import GradCAM
    layer, arranged = places or places_of(model)
    device = next(model.parameters()).device
    targets = [lambda outputs, finding=finding: log_odds(outputs)[finding] for finding in findings]
    size, maps = TOGETHER[device.type], []
    grad_cam = GradCAM(model, [layer], arranged)
    try:
        for start in range(0, len(images), size):
            part = slice(start, start + size)
            maps.append(grad_cam(images[part].to(device), targets[part]))
    finally:  # the library's own block would hide errors of an index
        grad_cam.activations_and_grads.release()
    model.zero_grad(set_to_none=True)
    return np.concatenate(maps)


def with_random_weights(model: nn.Module, seed: int) -> nn.Module:
    """A copy of a network with fresh weights, in evaluation mode.

    What a map shows with these, too, it does not show because of what the network has learnt (Adebayo et al., Sanity
    Checks for Saliency Maps, NeurIPS 2018). Layers make their weights anew by PyTorch's initialisation. The values of
    an array that has none, such as a token, are dealt again at random within the array.
    """
    fresh = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for module in fresh.modules():
            if isinstance(module, LAYERS):
                module.reset_parameters()
                continue
            for values in module.parameters(recurse=False):
                order = torch.randperm(values.numel()).to(values.device)
                values.copy_(values.flatten()[order].view_as(values))
    return fresh.eval()


def _squared(tokens: Tensor) -> Tensor:
    """Tokens (B, N, C) of a square image as (B, C, H, W)."""
    side = math.isqrt(tokens.shape[1])
    return tokens.transpose(1, 2).unflatten(2, (side, side))
