"""Optimisers: making one, its learning rate, its steps; without PyTorch's compiler, whose import takes seconds."""

import inspect
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

WARMUP_START = 1e-3  # of a learning rate that rises, as a part of the full rate
# PyTorch imports its compiler when one of these is called first, only to exclude them from compilation.
for _method in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
    _plain = inspect.unwrap(getattr(torch.optim.Optimizer, _method))
    setattr(_plain, "__dynamo_disable", _plain)


def optimiser_of(
    model: nn.Module, name: str, lr: float, momentum: float, weight_decay: float, decay_vectors: bool = True
) -> torch.optim.Optimizer:
    """SGD (also Nesterov's) or RMSprop with momentum, or Adam or AdamW, whose first moment decays by `momentum`.

    Without `decay_vectors` there is no weight decay of biases, of normalisations, and of what the network itself names
    in `no_weight_decay` (as timm's do), such as position embeddings.
    """
    parameters = model.parameters() if decay_vectors else _groups(model)
    if name in ("adam", "adamw"):
        kind = torch.optim.Adam if name == "adam" else torch.optim.AdamW
        return kind(parameters, lr, betas=(momentum, 0.999), weight_decay=weight_decay)
    if name == "rmsprop":
        return torch.optim.RMSprop(parameters, lr, momentum=momentum, weight_decay=weight_decay)
    nesterov = name == "nesterov"
    return torch.optim.SGD(parameters, lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)


def learning_rate(settings: Mapping[str, Any], epoch: float) -> float:
    """The rate after `epoch` epochs, of which the last one may be a part.

    `decay` of the settings is one of: the rate times `factor` for every `every_epochs` epochs that have passed; the
    rate times `factor` after each of the epochs `milestones`; a cosine over all epochs down to `cosine_to` of the rate.
    In the first `warmup_epochs`, if given, this is multiplied by a line that rises from WARMUP_START to 1.
    """
    decay = settings["decay"]
    if "milestones" in decay:
        share = decay["factor"] ** sum(epoch >= milestone for milestone in decay["milestones"])
    elif "cosine_to" in decay:
        share = 1 - (1 - decay["cosine_to"]) * (1 - math.cos(math.pi * epoch / settings["epochs"])) / 2
    else:
        every = decay["every_epochs"]
        share = decay["factor"] ** int(epoch // every) if every else 1.0
    warmup = decay.get("warmup_epochs", 0)
    rising = WARMUP_START + (1 - WARMUP_START) * epoch / warmup if epoch < warmup else 1.0
    return settings["optimiser"]["lr"] * share * rising


def take_step(optimiser: torch.optim.Optimizer) -> None:
    """Change the parameters by their gradients: `optimiser.step()` without the wrapper that imports the compiler."""
    with torch.no_grad():
        inspect.unwrap(type(optimiser).step)(optimiser)


def clip_gradients(model: nn.Module, norm: float | None) -> None:
    """Make the gradients of all parameters together no longer than `norm`; None leaves them."""
    if norm is not None:
        nn.utils.clip_grad_norm_(model.parameters(), norm)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Use this rate from now on."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def _groups(model: nn.Module) -> list[dict[str, Any]]:
    """The parameters with weight decay, and those without."""
    named: Any = getattr(model, "no_weight_decay", set)
    without = {name for name, parameter in model.named_parameters() if parameter.ndim <= 1} | named()
    parts = [[tensor for name, tensor in model.named_parameters() if (name in without) == spared] for spared in (0, 1)]
    return [{"params": parts[0]}, {"params": parts[1], "weight_decay": 0.0}]
