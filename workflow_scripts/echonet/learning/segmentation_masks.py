"""Masks from a trained segmentation network."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from echonet.learning.clips import normalise
from reprise.inference.network import in_batches
from reprise.step.device import autocast

FRAMES_AT_A_TIME = 64


def segment_frames(
    model: nn.Module, info: Mapping[str, Any], frames: np.ndarray, device: torch.device
) -> NDArray[np.bool_]:
    """Masks (F, H, W), true where the network's logit is above 0, of frames (F, H, W, C) uint8.

    Args:
        model: network in evaluation mode on the device.
        info: what `load_model` gave with it.
        frames: in memory or in a memory map.
        device: where the network is.
    """
    mean, std = info["normalisation"]["mean"], info["normalisation"]["std"]

    def masks_of(chunk: slice) -> Tensor:
        images = torch.from_numpy(np.array(frames[chunk])).to(device)
        with autocast(device, info["settings"]["precision"]):
            return model(normalise(images, mean, std))["out"][:, 0] > 0

    found = [masks.numpy() for masks in in_batches(len(frames), FRAMES_AT_A_TIME, masks_of, device)]
    return np.concatenate(found) if found else np.zeros(frames.shape[:3], dtype=bool)
