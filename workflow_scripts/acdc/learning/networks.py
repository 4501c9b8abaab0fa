"""Networks that tell background, right ventricle, myocardium and left ventricle apart: by name, one word each."""

from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from reprise.models import unet
from reprise.models.initial import load_initial
from reprise.models.lean_torchvision import without_compiler
from reprise.models.narrow import narrow
from reprise.step.errors import InputError

CLASSES = 4
ENCODER = "resnet34"
# The names of segmentation-models-pytorch for the networks with a ResNet-34.
PUBLISHED = {"unet": "Unet", "linknet": "Linknet", "fpn": "FPN", "pspnet": "PSPNet"}
NAMES = (*PUBLISHED, *unet.STAGES)
# Networks that a GPU trains faster if they are compiled, and how: of those with a ResNet-34 this has not been measured.
COMPILED = dict.fromkeys(unet.STAGES, "default")
WEIGHTS = ("random", "imagenet")
IMAGE_SHAPE = (3, 64, 64)
FEWEST = 16  # channels of a layer: with fewer, the last layers of the published U-Net no longer tell four classes apart
LAST_LAYER = "segmentation_head.0"


def heart_network(network: str, width: float = 1, weights: str = "random", initial: Path | None = None) -> nn.Module:
    """A network that maps images (B, C, H, W), or (B, 1, D, H, W) for unet_3d, to logits (B, 4, ...).

    Those with a ResNet-34 take three channels and sizes that are multiples of 32, a U-Net of nnU-Net's blocks one
    channel; `logits_of` knows the difference.

    Args:
        network: see `NAMES`.
        width: hidden channel counts are multiplied by this; with a ResNet-34 they stay 16 or more.
        weights: random, or imagenet for those of the ResNet-34.
        initial: state dict of torchvision's ResNet-34; not needed for random.

    Raises:
        InputError: no such network or weights, a width that is out of range or not 1 with weights, or a file that does
            not fit.
    """
    if network not in NAMES or weights not in WEIGHTS:
        names, found = ("network", network) if network not in NAMES else ("weights", weights)
        expected = NAMES if network not in NAMES else WEIGHTS
        raise InputError(f"{names}: expected one of {', '.join(expected)}, found {found}")
    if network in unet.STAGES:
        return unet.unet(network, width, CLASSES)
    build = partial(_published, network)
    model = build() if width == 1 else narrow(build, width, IMAGE_SHAPE, FEWEST, LAST_LAYER)
    if weights != "random":
        load_initial(model, initial, weights, width, backbone="encoder")
    return model


def logits_of(model: nn.Module, images: Tensor) -> Tensor:
    """Logits (B, 4, ...) of grey images (B, 1, ...), which are copied to all channels that the network takes."""
    channels = next(model.parameters()).shape[1]
    return model(images.expand(-1, channels, *images.shape[2:]))


def sees_blocks(network: str) -> bool:
    """Whether a network takes blocks of a volume, not slices."""
    return network in unet.STAGES and unet.STAGES[network][0] == 3


def _published(network: str) -> Any:
    """A network of segmentation-models-pytorch, which is never asked for weights: it would download them."""
    with without_compiler():
        import segmentation_models_pytorch
    make = getattr(segmentation_models_pytorch, PUBLISHED[network])
    model = make(ENCODER, encoder_weights=None, in_channels=IMAGE_SHAPE[0], classes=CLASSES)
    if network == "pspnet":  # it never runs the two deepest stages of its ResNet
        model.encoder.layer3 = model.encoder.layer4 = nn.Identity()
    return model
