"""Video networks of torchvision that regress one value from a clip."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from reprise.models.initial import load_initial
from reprise.models.lean_torchvision import import_torchvision
from reprise.models.narrow import narrow
from reprise.step.errors import InputError

torchvision = import_torchvision()

CLIP_SHAPE = (3, 16, 112, 112)
NETWORKS = ("r2plus1d_18", "r3d_18", "mc3_18")
# Networks that a GPU trains faster if they are compiled, and the mode of `torch.compile`.
COMPILED = dict.fromkeys(NETWORKS, "default")
# What prediction needs of the info of the weights.
EF_INFO = ("frames", "period", "normalisation.mean", "normalisation.std", "settings.precision", "settings.downsample")
WEIGHTS = ("random", "kinetics400")
MEAN_EF_PERCENT = 55.6  # of the training set; the regression starts there


def video_network(network: str, width: float = 1, weights: str = "random", initial: Path | None = None) -> nn.Module:
    """An 18-layer video network that maps (B, 3, L, H, W) to (B, 1) percent.

    Args:
        network: r2plus1d_18, r3d_18 or mc3_18.
        width: every hidden channel count is multiplied by this.
        weights: random or kinetics400 (only the last layer is random).
        initial: state dict with those weights; not needed for random.

    Raises:
        InputError: no such network or weights, width with weights, or a file that does not fit.
    """
    if weights not in WEIGHTS:
        raise InputError(f"weights: expected one of {', '.join(WEIGHTS)}, found {weights}")
    builder = partial(torchvision.models.get_model_builder(_name(network)), weights=None, num_classes=1)
    model: Any = builder() if width == 1 else narrow(builder, width, CLIP_SHAPE)
    model.fc.reset_parameters()
    with torch.no_grad():
        model.fc.bias.fill_(MEAN_EF_PERCENT)
    if weights != "random":
        load_initial(model, initial, weights, width)
    return model


def _name(network: str) -> str:
    if network not in NETWORKS:
        raise InputError(f"network: expected one of {', '.join(NETWORKS)}, found {network}")
    return network
