"""Few-shot methods that train a network or a part of it: visual prompts, low-rank adapters, all of it."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from reprise.step.errors import InputError


class Learned(nn.Module):
    """The arrays of a network that learn, which are its only parameters and its only state.

    The network itself is no part of the module. So checkpoints hold what learns and nothing else, and the network stays
    in evaluation mode while the module is in training mode.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.held = (network.eval(),)
        self.arrays = nn.ParameterList(array for array in network.parameters() if array.requires_grad)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W)."""
        return self.held[0](images)


def tuned(network: nn.Module, method: str, settings: Mapping[str, Any]) -> nn.Module:
    """A network of timm as a method trains it; what does not learn is frozen and in evaluation mode.

    Args:
        network: on its device; it is changed.
        method: vpt_shallow, vpt_deep, lora or full.
        settings: `tokens` of the visual prompts, or `rank` of the adapters; `size` of the images.

    Raises:
        InputError: the method does not fit the network.
    """
    if method == "full":
        return network
    device = next(network.parameters()).device
    if method == "lora":
        add_adapters(network, settings["rank"], settings["size"])
        return Learned(network.to(device))
    from medfm.learning.prompts import Prompted

    return Learned(Prompted(network, settings["tokens"], deep=method == "vpt_deep").to(device))


def add_adapters(network: Any, rank: int, size: int) -> None:
    """Give the attention of a transformer low-rank adapters (LoRA, Hu et al., ICLR 2022); they and the head learn.

    Only layers that the network calls can have one: BEiT and some EVA-02 take the weights of queries, keys and values
    without their layer, and have adapters at the end of attention only. An adapter starts as no change.

    Raises:
        InputError: the network has no attention.
    """
    from peft import LoraConfig, inject_adapter_in_model  # imports the transformers library, which takes seconds

    names = called_layers(network, size)
    if not names:
        raise InputError(f"lora: expected a transformer, found {type(network).__name__}")
    network.requires_grad_(False)
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=rank, target_modules=names), network)
    network.get_classifier().requires_grad_(True)


def called_layers(network: Any, size: int) -> list[str]:
    """Names of the linear layers of attention through which an image of `size` px goes."""
    called, hooks = [], []
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear) and ".attn." in name:
            hooks.append(module.register_forward_hook(lambda *_, name=name: called.append(name)))
    with torch.no_grad():
        network.eval()(next(network.parameters()).new_zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    return called
