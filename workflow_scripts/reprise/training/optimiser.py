"""Optimisers and their learning rate."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


def optimiser_of(model: nn.Module, name: str, lr: float, momentum: float, weight_decay: float) -> torch.optim.Optimizer:
    """SGD (also Nesterov's) or RMSprop with momentum, or AdamW, whose first moment decays by `momentum`."""
    if name == "adamw":
        return torch.optim.AdamW(model.parameters(), lr, betas=(momentum, 0.999), weight_decay=weight_decay)
    if name == "rmsprop":
        return torch.optim.RMSprop(model.parameters(), lr, momentum=momentum, weight_decay=weight_decay)
    nesterov = name == "nesterov"
    return torch.optim.SGD(model.parameters(), lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)


def learning_rate(settings: Mapping[str, Any], epoch: int) -> float:
    """Step decay: the initial rate times `factor` for every `every_epochs` epochs that have passed."""
    every, factor = settings["decay"]["every_epochs"], settings["decay"]["factor"]
    return settings["optimiser"]["lr"] * (factor ** (epoch // every) if every else 1.0)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Use this rate from now on."""
    for group in optimiser.param_groups:
        group["lr"] = rate
