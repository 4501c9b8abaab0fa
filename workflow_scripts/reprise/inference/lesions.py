"""Segmenting the lesions of whole scans with a trained network."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from reprise.brain_slices import prepared
from reprise.device import autocast
from reprise.inference.network import in_batches
from reprise.inference.windows import window_logits
from reprise.models.fc_densenet import FCDenseNet
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
            if isinstance(model, FCDenseNet):
                logits = window_logits(model, lambda rows: images[rows.to(device)][:, None], windows[chunk])
            else:
                logits = model(images[chunk][:, None])
        return logits.argmax(dim=1).to(torch.uint8)

    masks = torch.cat(list(in_batches(len(scan), SLICES_AT_A_TIME, masks_of, device)))
    return undo_fit(masks, scan.shape[1:]).numpy().astype(bool)
