"""Small networks of each family of transformers that few-shot methods know, and images for them."""

from typing import Any

import timm
import torch
from torch import Tensor

VIT = {"img_size": 32, "depth": 3, "embed_dim": 24, "num_heads": 3, "num_classes": 4}
SWIN = {"img_size": 64, "depths": (2, 2), "embed_dim": 12, "num_heads": (2, 3), "window_size": 4, "num_classes": 4}
# One network of each family that takes prompts, made small.
SMALL = {
    "vit_base_patch16_224": VIT,
    "vit_base_patch16_clip_224": VIT,
    "vit_small_patch14_reg4_dinov2": VIT | {"img_size": 28},
    "beit_base_patch16_224": VIT,
    "eva02_tiny_patch14_224": VIT | {"img_size": 28},
    "swin_base_patch4_window7_224": SWIN,
}


def small(name: str) -> Any:
    """A small network of timm whose biases and gains are no longer 0 and 1, in evaluation mode."""
    torch.manual_seed(0)
    network = timm.create_model(name, **SMALL[name])
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return network.eval()


def images_for(name: str) -> Tensor:
    """Three random images of the size that a small network takes."""
    return torch.randn(
        3, 3, SMALL[name]["img_size"], SMALL[name]["img_size"], generator=torch.Generator().manual_seed(1)
    )
