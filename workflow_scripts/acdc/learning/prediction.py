"""Probabilities of the heart's structures, slice by slice, by a trained network."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from acdc.learning.networks import heart_network, logits_of, sees_blocks
from acdc.learning.slice_tasks import SLICES_AT_A_TIME
from acdc.learning.stacks import grid_of, prepared, restored
from reprise.inference.network import in_batches
from reprise.inference.volumes import volume_logits
from reprise.models.weights import load_model
from reprise.step.device import autocast
from reprise.step.errors import InputError

ROWS, COLUMNS = -2, -1
FLIPS: tuple[tuple[int, ...], ...] = ((), (ROWS,), (COLUMNS,), (ROWS, COLUMNS))
LARGEST_PX = 4096  # height and width of a slice when it is resampled


def load_heart_network(path: Path, device: torch.device, protocol: str = "sound") -> tuple[nn.Module, dict[str, Any]]:
    """A network trained by a protocol, and the info of its weights.

    Raises:
        InputError: see `load_model`; or weights of another protocol, or the info lacks something.
    """
    model, info = load_model(path, device, "heart", heart_network, "size", "settings.precision")
    if info.get("protocol") != protocol:
        raise InputError(f"{path}: expected weights of the protocol {protocol}, found {info.get('protocol')}")
    if protocol == "sound" and (missing := [name for name, there in _needed(info).items() if not there]):
        raise InputError(f"{path}: not weights of this pipeline: no {', '.join(missing)} in its header")
    return model, info


def probabilities_of(
    model: nn.Module,
    info: Mapping[str, Any],
    stack: np.ndarray,
    spacing_mm: Sequence[float],
    device: torch.device,
    flips: bool = False,
) -> np.ndarray:
    """Probabilities (N, H, W, 4) float32 of the classes of a stack of slices, on its own grid.

    Args:
        model: in evaluation mode, on the device.
        info: of its weights.
        stack: (N, H, W) of any numeric type, finite.
        spacing_mm: between slices, rows and columns.
        device: where the model is.
        flips: take the mean over the four ways to flip the slices.

    Raises:
        InputError: the slices would be too large for the network's grid.
    """
    grid, between = grid_of(info), spacing_mm[1:]
    sides = [length * mm / grid.spacing_mm for length, mm in zip(stack.shape[1:], between, strict=True)]
    if not max(sides) <= LARGEST_PX:
        found = " x ".join(f"{length * mm:.6g}" for length, mm in zip(stack.shape[1:], between, strict=True))
        raise InputError(f"expected slices of at most {LARGEST_PX * grid.spacing_mm:g} mm, found {found} mm")
    images = prepared(stack, between, grid, device)

    whole = sees_blocks(info["network"])

    def compute(chunk: slice) -> Tensor:
        seen = images if whole else images[chunk]
        probabilities = flipped_mean(model, info, seen[:, None], FLIPS if flips else FLIPS[:1])
        return restored(probabilities, stack.shape[1:], between, grid).movedim(1, -1)

    count, at_a_time = (1, 1) if whole else (len(stack), SLICES_AT_A_TIME)
    return torch.cat(list(in_batches(count, at_a_time, compute, device))).numpy()


def flipped_mean(model: nn.Module, info: Mapping[str, Any], images: Tensor, flips: Sequence[tuple[int, ...]]) -> Tensor:
    """Probabilities (B, 4, H, W) float32 of images (B, 1, H, W): the mean over these flips, each undone."""
    found = []
    for axes in flips:
        with autocast(images.device, info["settings"]["precision"]):
            logits = _logits(model, info, images.flip(axes))
        found.append(logits.float().softmax(dim=1).flip(axes))
    return torch.stack(found).mean(dim=0)


def _logits(model: nn.Module, info: Mapping[str, Any], images: Tensor) -> Tensor:
    """Logits (B, 4, H, W) of slices (B, 1, H, W), which are one stack for a network that sees blocks."""
    if not sees_blocks(info["network"]):
        return logits_of(model, images)
    volume = images.movedim(1, 0)[None]
    return volume_logits(model, volume, info["settings"]["block"])[0].movedim(0, 1)


def _needed(info: Mapping[str, Any]) -> dict[str, bool]:
    """By name, whether the info has what the sound protocol needs besides."""
    spacing: Any = info["normalisation"].get("spacing_mm") if isinstance(info["normalisation"], dict) else None
    return {
        "normalisation.spacing_mm": type(spacing) in (int, float) and math.isfinite(spacing) and spacing > 0,
        "size": info["size"] is not None,
        "settings.block": not sees_blocks(info["network"]) or "block" in info["settings"],
    }
