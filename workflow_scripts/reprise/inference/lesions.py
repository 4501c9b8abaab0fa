"""Segmenting the lesions of whole scans with a trained network."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from reprise.brain_slices import prepared
from reprise.device import autocast
from reprise.inference.network import in_batches
from reprise.inference.parts import Arrays
from reprise.inference.windows import centre_logits
from reprise.slices import undo_fit
from reprise.windows import scan_windows

SLICES_AT_A_TIME = 16


def segment_scan(model: nn.Module, info: Mapping[str, Any], scan: np.ndarray, device: torch.device) -> np.ndarray:
    """Lesion masks (N, H, W) bool of a scan's axial slices (N, H, W); each is seen with its true neighbours.

    Args:
        model: in evaluation mode, on the device.
        info: of its weights: `normalisation`, `size` (H, W) that slices are cut or padded to, or None for all of
            them, and `settings` with the `precision`.
        scan: any numeric type.
        device: where the model is.
    """
    images = prepared(scan, info["size"], info["normalisation"], device)
    windows = scan_windows([len(scan)])

    def masks_of(chunk: slice) -> torch.Tensor:
        with autocast(device, info["settings"]["precision"]):
            logits = centre_logits(model, images, windows[chunk])
        return logits.argmax(dim=1).to(torch.uint8)

    masks = torch.cat(list(in_batches(len(scan), SLICES_AT_A_TIME, masks_of, device)))
    return undo_fit(masks, scan.shape[1:]).numpy().astype(bool)


def packed(mask: np.ndarray) -> Arrays:
    """A mask (N, H, W) bool as its bits and shape, to be kept."""
    return {"mask": np.packbits(mask), "shape": np.array(mask.shape)}


def unpacked(part: Arrays) -> np.ndarray:
    """The mask (N, H, W) bool that was `packed`."""
    shape = tuple(part["shape"])
    return np.unpackbits(part["mask"], count=int(np.prod(shape))).reshape(shape).astype(bool)
