"""Segmenting the lesions of whole scans with a trained network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mslesion.learning.networks import BLOCK, input_of, lesion_network
from mslesion.learning.published_slices import restored
from mslesion.learning.scan_inputs import OF_VOLUME, prepared
from mslesion.learning.window_logits import WINDOWS_AT_A_TIME, centre_logits
from mslesion.learning.windows import scan_windows
from reprise.data.slices import cut_or_pad
from reprise.inference.network import in_batches
from reprise.inference.parts import Arrays
from reprise.inference.volumes import volume_logits
from reprise.models.weights import load_model
from reprise.step.device import autocast
from reprise.step.errors import InputError


def load_lesion_network(path: Path, device: torch.device) -> tuple[nn.Module, dict[str, Any]]:
    """A trained network and the info of its weights, with all that `segment_scan` needs.

    Raises:
        InputError: see `load_model`; or its info lacks something.
    """
    model, info = load_model(path, device, "lesions", lesion_network, "size", "settings.precision")
    normalisation = info["normalisation"]
    there = {
        "normalisation": normalisation == OF_VOLUME or {"mean": float, "std": float} == _types(normalisation),
        "settings.block": input_of(info["network"]) != BLOCK or "block" in info["settings"],
    }
    if missing := [name for name, found in there.items() if not found]:
        raise InputError(f"{path}: not weights of this pipeline: no {', '.join(missing)} in its header")
    return model, info


def segment_scan(model: nn.Module, info: Mapping[str, Any], scan: np.ndarray, device: torch.device) -> np.ndarray:
    """Lesion masks (N, H, W) bool of a scan's axial slices (N, H, W); each is seen with its true neighbours.

    Args:
        model: in evaluation mode, on the device.
        info: of its weights: `network`, `normalisation`, `size` to which slices are resized as published, or None for
            whole slices, and `settings`: the `precision`, and the `block` of a network that sees blocks.
        scan: any numeric type.
        device: where the model is.
    """
    images = prepared(scan, info["size"], info["normalisation"], device)
    windows, precision = scan_windows([len(scan)]), info["settings"]["precision"]

    def of_slices(chunk: slice) -> Tensor:
        with autocast(device, precision):
            logits = centre_logits(model, images, windows[chunk])
        return _masks(logits if info["size"] is None else restored(logits.float(), scan.shape[1:]))

    def of_volume(_: slice) -> Tensor:
        with autocast(device, precision):
            return _masks(volume_logits(model, images[None, None], info["settings"]["block"]))

    whole = input_of(info["network"]) == BLOCK
    parts = (
        in_batches(1, 1, of_volume, device) if whole else in_batches(len(scan), WINDOWS_AT_A_TIME, of_slices, device)
    )
    masks = torch.cat(list(parts)).flatten(0, -3)
    return cut_or_pad(masks, scan.shape[1:]).numpy().astype(bool)


def packed(mask: np.ndarray) -> Arrays:
    """A mask (N, H, W) bool as its bits and shape, to be kept."""
    return {"mask": np.packbits(mask), "shape": np.array(mask.shape)}


def unpacked(part: Arrays) -> np.ndarray:
    """The mask (N, H, W) bool that was `packed`."""
    shape = tuple(part["shape"])
    return np.unpackbits(part["mask"], count=int(np.prod(shape))).reshape(shape).astype(bool)


def _types(normalisation: dict[str, Any] | str) -> dict[str, type]:
    return {} if isinstance(normalisation, str) else {name: type(value) for name, value in normalisation.items()}


def _masks(logits: Tensor) -> Tensor:
    return logits.argmax(dim=1).to(torch.uint8)
