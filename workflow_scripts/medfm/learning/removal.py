"""Deletion and insertion: how fast a score falls and rises as the pixels that a heat map names go and come.

By Petsiuk et al. (RISE, BMVC 2018): pixels are taken in the order of the map, highest first. `deletion` sets them to
the mean colour; the faster the score falls, the smaller is the area under its curve. `insertion` begins with a blurred
image and puts pixels back; the faster the score rises, the larger is the area.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from reprise.inference.network import in_batches
from reprise.models.lean_torchvision import import_torchvision

TOGETHER = 32  # images at a time; four times as many on a GPU
BLUR = 20  # the blurred image has a standard deviation of its side divided by this, as 11 px of 224
CHANCE = 7  # squares a side of a map by chance, as the published networks have at 224 px


class Areas(NamedTuple):
    """Areas (N,) under the curves of deletion and insertion, from 0 to 1."""

    deletion: np.ndarray
    insertion: np.ndarray


def removal_areas(
    score: Callable[[Tensor], Tensor], images: Tensor, maps: np.ndarray, findings: Sequence[int], steps: int
) -> Areas:
    """Deletion and insertion of each image by its map.

    Args:
        score: from images (B, 3, H, W) to scores (B, K).
        images: (N, 3, H, W) as the network takes them, so that 0 is the mean colour; on the network's device.
        maps: (N, H, W).
        findings: for each image the number of the finding whose score is followed.
        steps: of equally many pixels.
    """
    order = removal_order(maps).to(images.device)
    deletion = removal_curves(score, images, torch.zeros_like(images), order, findings, steps)
    insertion = removal_curves(score, _blurred(images), images, order, findings, steps)
    return Areas(area_under(deletion), area_under(insertion))


def removal_order(maps: np.ndarray) -> Tensor:
    """The place (N, H, W) of each pixel in the order of a map (N, H, W), highest first, from 0; ties by chance."""
    flat = torch.from_numpy(maps).flatten(1)
    mixed = torch.randperm(flat.shape[1], generator=torch.Generator().manual_seed(0))
    ranked = mixed[flat[:, mixed].argsort(dim=1, descending=True, stable=True)]
    places = torch.empty_like(ranked).scatter_(1, ranked, torch.arange(flat.shape[1]).expand_as(ranked))
    return places.view(maps.shape)


def removal_curves(
    score: Callable[[Tensor], Tensor], start: Tensor, end: Tensor, order: Tensor, findings: Sequence[int], steps: int
) -> np.ndarray:
    """Scores (N, steps + 1) of a finding while the pixels of `start` become those of `end`, in their order.

    Args:
        score: see `removal_areas`.
        start: images (N, 3, H, W).
        end: the same.
        order: see `removal_order`.
        findings: see `removal_areas`.
        steps: of equally many pixels.
    """
    count, pixels = len(start) * (steps + 1), order[0].numel()
    chosen = torch.tensor(findings, device=start.device)

    def scores(part: slice) -> Tensor:
        at = torch.arange(part.start, part.stop, device=start.device)
        image, step = at // (steps + 1), at % (steps + 1)
        changed = order[image] * steps < (step * pixels)[:, None, None]
        mixed = torch.where(changed[:, None], end[image], start[image])
        return score(mixed).gather(1, chosen[image, None]).flatten().float()

    found = torch.cat(list(in_batches(count, TOGETHER, scores, start.device)))
    return found.view(len(start), steps + 1).numpy()


def area_under(curves: np.ndarray) -> np.ndarray:
    """The area (N,) under curves (N, steps + 1) over the share of pixels from 0 to 1, by the trapezoidal rule."""
    return np.trapezoid(curves, dx=1 / (curves.shape[1] - 1), axis=1)


def chance_maps(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    """Smooth maps (N, H, W) that know nothing of an image, to compare the areas of others with."""
    generator = torch.Generator().manual_seed(seed)
    squares = torch.rand((shape[0], 1, CHANCE, CHANCE), generator=generator)
    return interpolate(squares, shape[1:], mode="bilinear")[:, 0].numpy()


def _blurred(images: Tensor) -> Tensor:
    """Images (N, 3, H, W) without detail."""
    side, blur = images.shape[-1], import_torchvision().transforms.functional.gaussian_blur
    return blur(images, [2 * (side // 8) + 1] * 2, [side / BLUR] * 2)
