"""Segmentation networks of torchvision, with one output channel and no auxiliary head."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch import nn

from reprise.models.initial import load_initial
from reprise.models.lean_torchvision import import_torchvision
from reprise.models.narrow import narrow
from reprise.step.errors import InputError

torchvision = import_torchvision()

IMAGE_SHAPE = (3, 112, 112)
# Networks that a GPU trains faster if they are compiled, and the mode of `torch.compile`.
COMPILED = {"deeplabv3_resnet50": "default"}
# What prediction needs of the info of the weights.
MASK_INFO = ("normalisation.mean", "normalisation.std", "settings.precision")
WEIGHTS = ("random", "imagenet_backbone", "coco")


def segmentation_network(
    network: str, width: float = 1, weights: str = "random", initial: Path | None = None
) -> nn.Module:
    """Any network of `torchvision.models.segmentation`; it maps (B, 3, H, W) to {"out": (B, 1, H, W) logits}.

    Args:
        network: torchvision's name, such as deeplabv3_resnet50.
        width: every hidden channel count is multiplied by this.
        weights: random, imagenet_backbone (only the head is random) or coco (only the last layer is random).
        initial: state dict with those weights; not needed for random.

    Raises:
        InputError: no such network or weights, width with weights, or a file that does not fit.
    """
    builder = partial(_builder(network), weights=None, weights_backbone=None, num_classes=1, aux_loss=None)
    if weights not in WEIGHTS:
        raise InputError(f"weights: expected one of {', '.join(WEIGHTS)}, found {weights}")
    model = builder() if width == 1 else narrow(builder, width, IMAGE_SHAPE)
    if weights != "random":
        load_initial(model, initial, weights, width, backbone="backbone" if weights == "imagenet_backbone" else None)
    return model


def _name(network: str) -> str:
    known = torchvision.models.list_models(module=torchvision.models.segmentation)
    if network not in known:
        raise InputError(f"network: expected one of {', '.join(known)}, found {network}")
    return network


def _builder(network: str) -> Callable[..., nn.Module]:
    return torchvision.models.get_model_builder(_name(network))
