"""Networks that tell air, CSF, grey and white matter apart in T1 and T2: by name, one word each."""

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any, NamedTuple

from torch import nn

from iseg.learning.cicek import CicekUNet3D
from iseg.learning.dense_paths import DenseNet1, DenseNet2, DenseNet3
from iseg.learning.densevoxelnet import DenseVoxelNet
from iseg.learning.highresnet import HighResNet
from iseg.learning.hyperdensenet import HyperDenseNet
from iseg.learning.layers import CLASSES, MODALITIES
from iseg.learning.resnet_vae import ResNetVAE
from iseg.learning.resnetmed import ResNetMed
from iseg.learning.skipdensenet import SkipDenseNet
from iseg.learning.unet3d import UNet3D
from iseg.learning.vnet import VNet
from reprise.models.unet import unet
from reprise.step.errors import InputError


class Kind(NamedTuple):
    """How a network is made for a width, and how much smaller than its input its coarsest features are, a side."""

    make: Callable[[float], nn.Module]
    multiple: int


NETWORKS = {
    "unet3d": Kind(UNet3D, 16),
    "vnet": Kind(partial(VNet, halvings=4), 16),
    "vnet2": Kind(partial(VNet, halvings=3), 8),
    "densenet1": Kind(DenseNet1, 1),
    "densenet2": Kind(DenseNet2, 1),
    "densenet3": Kind(DenseNet3, 1),
    "hyperdensenet": Kind(HyperDenseNet, 1),
    "skipdensenet3d": Kind(SkipDenseNet, 16),
    "densevoxelnet": Kind(DenseVoxelNet, 4),
    "highresnet": Kind(HighResNet, 1),
    "resnetmed3d": Kind(ResNetMed, 8),
    "resnet3dvae": Kind(ResNetVAE, 8),
    "cicek_unet3d": Kind(CicekUNet3D, 8),
    "nnunet_3d": Kind(partial(unet, "unet_3d", classes=CLASSES, channels=MODALITIES), 16),
}
NAMES = tuple(NETWORKS)
# Networks that a GPU trains faster if they are compiled, and how: of the others this has not been measured.
COMPILED = {"nnunet_3d": "default"}


def tissue_network(network: str, width: float = 1) -> nn.Module:
    """A network with fresh weights.

    In evaluation mode it maps images (B, 2, X, Y, Z) to logits (B, 4, X, Y, Z). In training mode some give more
    channels: each further group of four holds the logits of an auxiliary head, and a single last channel is a penalty
    for each voxel, whose mean is added to the loss.

    Args:
        network: see `NAMES`.
        width: hidden channel counts are multiplied by this.

    Raises:
        InputError: no such network, or the width is out of range.
    """
    kind = _kind(network)
    if not 0 < width <= 1:
        raise InputError(f"width: expected above 0 and at most 1, found {width}")
    return kind.make(width)


def multiple_of(network: str) -> int:
    """Each side of a network's input is a multiple of this.

    Raises:
        InputError: no such network.
    """
    return _kind(network).multiple


def check_sides(network: str, sides: Any) -> None:
    """Check that a network can be trained on inputs of these sides, which should be three whole numbers.

    Raises:
        InputError: no such network, no three whole numbers, a side that is no multiple of `multiple_of`, or sides of
            which one voxel is left at the network's coarsest level, where nothing can be normalised.
    """
    step = multiple_of(network)
    if not isinstance(sides, list | tuple) or len(sides) != 3 or any(type(side) is not int for side in sides):
        raise InputError(f"sides for {network}: expected three whole numbers, found {sides}")
    if any(side < 1 or side % step for side in sides) or prod(side // step for side in sides) < 2:
        expected = f"multiples of {step}, at least one of them more" if step > 1 else "more than one voxel"
        raise InputError(f"sides for {network}: expected {expected}, found {' x '.join(map(str, sides))}")


def _kind(network: str) -> Kind:
    if network not in NETWORKS:
        raise InputError(f"network: expected one of {', '.join(NAMES)}, found {network}")
    return NETWORKS[network]
