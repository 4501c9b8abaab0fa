"""What a bundle of a trained network says of it: a study's card, which the bundle's metadata and page are made from."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple


class Card(NamedTuple):
    """What only the study can say of one of its networks.

    task: what the network does, in a few words.
    description: what goes in and what comes out, in sentences.
    files: which files it takes, and which it writes; sentences.
    limits: what is known to go wrong; sentences.
    data: the published data set, should the network have learnt from that.
    terms: of that data set.
    data_type: the format of the data.
    sources: publications, by their names in config/published.yaml.
    inputs: the format of each of the network's inputs, see `image_format`.
    outputs: the same of its outputs.
    code: the module that finds, reads, predicts and writes cases; see any study's learning/bundle_code.py.
    protocols: the protocols in the study's metrics that score the network.
    scores: how the quantities of its scores begin there.
    reading: options of the code's `read`, besides a case and the info of the weights.
    """

    task: str
    description: str
    files: str
    limits: Sequence[str]
    data: str
    terms: str
    data_type: str
    sources: Sequence[str]
    inputs: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Mapping[str, Any]]
    code: ModuleType
    protocols: Sequence[str]
    scores: Sequence[str]
    reading: Mapping[str, Any] = MappingProxyType({})


AS_PUBLISHED = "It was trained as the published code does, quirks included; the study's network by `sound` is for use."


def quirks_of(protocol: str) -> list[str]:
    """The limit of a network that was not trained by the sound protocol."""
    return [] if protocol == "sound" else [AS_PUBLISHED]


def image_format(
    channels: Sequence[str], shape: Sequence[int | str], modality: str, patch: bool = False
) -> dict[str, Any]:
    """The format of an image, as MONAI's specification of bundles writes it.

    Args:
        channels: what each channel is.
        shape: of the other axes; an expression such as `32*n` for a multiple of 32, `*` for any length.
        modality: such as MR.
        patch: whether this is a part of an image.
    """
    return _tensor("image", "magnitude", channels, shape) | {"modality": modality, "is_patch_data": patch}


def labels_format(channels: Sequence[str], shape: Sequence[int | str], patch: bool = False) -> dict[str, Any]:
    """The format of logits of classes for each pixel or voxel; the class is that of the largest value."""
    return _tensor("image", "labels", channels, shape) | {"is_patch_data": patch}


def values_format(kind: str, channels: Sequence[str]) -> dict[str, Any]:
    """The format of some numbers for a whole image: of `probabilities` (their logits), or of `tuples`."""
    return _tensor(kind, "classes" if kind == "probabilities" else "tuples", channels, [])


def _tensor(kind: str, form: str, channels: Sequence[str], shape: Sequence[int | str]) -> dict[str, Any]:
    return {
        "type": kind,
        "format": form,
        "modality": "n/a",
        "num_channels": len(channels),
        "spatial_shape": [*shape],
        "dtype": "float32",
        "value_range": [],
        "is_patch_data": False,
        "channel_def": {str(place): name for place, name in enumerate(channels)},
    }
