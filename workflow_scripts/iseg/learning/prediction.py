"""What trained networks find in whole volumes."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from iseg.learning.networks import tissue_network
from iseg.learning.normalisation import BRAIN, NORMALISATIONS, OF_CROP, image_of, of_crops
from iseg.learning.stitching import stitched
from reprise.models.weights import load_model
from reprise.step.device import autocast
from reprise.step.errors import InputError

OVERLAP = 0.5  # of windows, where the recipe has none: the published code has no whole-volume prediction that works
SURE = 10.0  # the logit of air in a window without any brain; those of the tissues are below 0 by as much
Network = tuple[nn.Module, dict[str, Any]]  # in evaluation mode, with the info of its weights


def load_tissue_network(path: Path, device: torch.device, protocol: str = "sound") -> Network:
    """A network trained by a protocol, and the info of its weights.

    Raises:
        InputError: see `load_model`; or weights of another protocol, or of a normalisation that is not known.
    """
    needs = ("settings.precision", "settings.crop", "axes_stated", "spacing_mm")
    model, info = load_model(path, device, "tissues", tissue_network, *needs)
    if info.get("protocol") != protocol:
        raise InputError(f"{path}: expected weights of the protocol {protocol}, found {info.get('protocol')}")
    if info["normalisation"] not in NORMALISATIONS:
        raise InputError(
            f"{path}: expected a normalisation of {', '.join(NORMALISATIONS)}, found {info['normalisation']}"
        )
    return model, info


def load_tissue_networks(paths: Sequence[Path], device: torch.device) -> list[Network]:
    """Networks of the sound protocol whose outputs can be averaged, such as those of each fold.

    Raises:
        InputError: see `load_tissue_network`; or networks with other windows, or that learnt from files whose axes are
            stated and from others.
    """
    networks = [load_tissue_network(path, device) for path in paths]
    for path, (_, info) in zip(paths, networks, strict=True):
        for name, expected in _in_common(networks[0][1]).items():
            if (found := _in_common(info)[name]) != expected:
                raise InputError(f"{path}: expected {name} {expected}, as in {paths[0]}, found {found}")
    return networks


def _in_common(info: Mapping[str, Any]) -> dict[str, Any]:
    """What the info of networks must agree on, so that each sees the same windows of the same volume."""
    settings = info["settings"]
    return {
        "the crop": settings["crop"],
        "an overlap of": settings.get("overlap", OVERLAP),
        "axes_stated": info["axes_stated"],
    }


def normalisation_of(settings: Mapping[str, Any]) -> str:
    """The name of the normalisation in a recipe; the sound protocol has only one."""
    return settings.get("normalisation", BRAIN)


def tissue_slabs(model: nn.Module, image: Tensor, settings: Mapping[str, Any]) -> Iterator[Tensor]:
    """Logits (4, x, Y, Z) float32 of a whole volume, slab by slab along X, from overlapping windows.

    Where each crop is normalised by its brain, a window without any brain says air: its voxels would be 0, which is the
    mean of the brain there, and no crop of the training was such a one.

    Args:
        model: in evaluation mode.
        image: (2, X, Y, Z) on the network's device, normalised as in training.
        settings: the recipe of its training.

    Raises:
        InputError: the GPU's memory is too small for a single window.
    """

    def predict(windows: Tensor) -> Tensor:
        by_crop = normalisation_of(settings) == OF_CROP
        with autocast(image.device, settings["precision"]):
            logits = model(of_crops(windows) if by_crop else windows)
        return _with_air(logits, windows) if by_crop else logits

    return stitched(predict, image, settings["crop"], settings.get("overlap", OVERLAP))


def probability_slabs(
    networks: Sequence[Network], t1: np.ndarray, t2: np.ndarray, device: torch.device
) -> Iterator[Tensor]:
    """Probabilities (4, x, Y, Z) of the classes, the mean of networks of one protocol, slab by slab along X.

    Args:
        networks: of different folds, see `load_tissue_networks`.
        t1: (X, Y, Z) of any numeric type, finite.
        t2: the same.
        device: where the networks are.

    Raises:
        InputError: a volume has no contrast, or see `tissue_slabs`.
    """
    settings = [info["settings"] for _, info in networks]
    names = {normalisation_of(each) for each in settings}
    images = {name: image_of([t1, t2], "T1 and T2", name).to(device) for name in names}
    slabs = [
        tissue_slabs(model, images[normalisation_of(each)], each)
        for (model, _), each in zip(networks, settings, strict=True)
    ]
    for logits in zip(*slabs, strict=True):
        yield torch.stack([each.softmax(dim=0) for each in logits]).mean(dim=0)


def tissue_labels(networks: Sequence[Network], t1: np.ndarray, t2: np.ndarray, device: torch.device) -> np.ndarray:
    """The most probable class of each voxel, (X, Y, Z) uint8, 0 to 3; for the arguments see `probability_slabs`."""
    slabs = [part.argmax(dim=0).to(torch.uint8).cpu() for part in probability_slabs(networks, t1, t2, device)]
    return torch.cat(slabs).numpy()


def _with_air(logits: Tensor, windows: Tensor) -> Tensor:
    """Logits (B, 4, ...) that are those of air for each window (B, 2, ...) that is 0 in both modalities."""
    brain = windows.flatten(1).any(dim=1)
    air = logits.new_tensor([SURE] + [-SURE] * (logits.shape[1] - 1))
    return torch.where(brain[:, None, None, None, None], logits, air[:, None, None, None])
