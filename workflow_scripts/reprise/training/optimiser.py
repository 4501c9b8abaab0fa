"""Optimisers: making one, its learning rate, its steps; without PyTorch's compiler, whose import takes seconds."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

# PyTorch imports its compiler when one of these is called first, only to exclude them from compilation.
for _method in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
    _plain = inspect.unwrap(getattr(torch.optim.Optimizer, _method))
    setattr(_plain, "__dynamo_disable", _plain)


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


def take_step(optimiser: torch.optim.Optimizer) -> None:
    """Change the parameters by their gradients: `optimiser.step()` without the wrapper that imports the compiler."""
    with torch.no_grad():
        inspect.unwrap(type(optimiser).step)(optimiser)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Use this rate from now on."""
    for group in optimiser.param_groups:
        group["lr"] = rate
