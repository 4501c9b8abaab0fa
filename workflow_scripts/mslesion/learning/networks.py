"""Networks that tell lesion from background: by name, one word each."""

from torch import nn

from mslesion.learning import fc_densenet
from reprise.models import unet
from reprise.step.errors import InputError
from reprise.training.compiled import GRAPHS

NAMES = (*fc_densenet.NAMES, *unet.STAGES)
# Networks that a GPU trains faster if they are compiled, and how. FC-DenseNets have a thousand small kernels: recorded,
# an H200 trains FC-DenseNet67 1.66 times as fast in bf16.
COMPILED = dict.fromkeys(fc_densenet.NAMES, GRAPHS) | dict.fromkeys(unet.STAGES, "default")
WINDOW, SLICE, BLOCK = "window", "slice", "block"


def lesion_network(network: str, width: float = 1) -> nn.Module:
    """An FC-DenseNet or a U-Net.

    Args:
        network: see `NAMES`, such as fc_densenet67, fc_densenet67_no_attention, unet_3d.
        width: hidden channel counts are multiplied by this.

    Raises:
        InputError: no such network, or the width is out of range.
    """
    if network not in NAMES:
        raise InputError(f"network: expected one of {', '.join(NAMES)}, found {network}")
    return (unet.unet if network in unet.STAGES else fc_densenet.fc_densenet)(network, width)


def input_of(network: str) -> str:
    """What a network sees at once: a window of three slices, a slice (unet_2d), or a block of a volume (unet_3d)."""
    if network in fc_densenet.NAMES:
        return WINDOW
    return BLOCK if unet.STAGES[network][0] == 3 else SLICE
