"""Networks that tell lesion from background: by name, one word each."""

from torch import nn

from reprise.errors import InputError
from reprise.models import fc_densenet, unet

NAMES = (*fc_densenet.NAMES, *unet.STAGES)


def lesion_network(network: str, width: float = 1) -> nn.Module:
    """An FC-DenseNet, which sees windows of slices, or a U-Net, which sees a slice (unet_2d) or a block (unet_3d).

    Args:
        network: see `NAMES`, such as fc_densenet67, fc_densenet67_no_attention, unet_3d.
        width: hidden channel counts are multiplied by this.

    Raises:
        InputError: no such network, or the width is out of range.
    """
    if network not in NAMES:
        raise InputError(f"network: expected one of {', '.join(NAMES)}, found {network}")
    return (unet.unet if network in unet.STAGES else fc_densenet.fc_densenet)(network, width)
