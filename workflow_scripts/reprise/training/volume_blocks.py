"""Training samples that are blocks of volumes, at new places in each epoch."""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from reprise.data.slices import cut_or_pad
from reprise.training.augmentation import augment
from reprise.training.sampler import integers, uniform

ON_LABELS = 1 / 3  # of the blocks are drawn around a voxel with a label, as in nnU-Net
DEPTH, ROW, COLUMN, FORCED, VOXEL = range(5)


class Volume(NamedTuple):
    """A volume with its labels, on the network's device."""

    image: Tensor  # (C, D, H, W) float32, normalised
    labels: Tensor  # (D, H, W) uint8, 0 is background
    labelled: np.ndarray  # (n, 3), indices of the voxels with a label


def volumes_of(images: Tensor, labels: Tensor, owners: np.ndarray, chosen: np.ndarray) -> list[Volume]:
    """The volumes, of one channel, of some owners, such as scans, from the slices (N, H, W) of all.

    Args:
        images: float32, normalised.
        labels: uint8.
        owners: (N,) the number of each slice's owner, in ascending order.
        chosen: numbers of owners.
    """
    ends = [np.searchsorted(owners, [owner, owner + 1]) for owner in chosen]
    parts = [(images[first:last], labels[first:last]) for first, last in ends]
    return [labelled_volume(image[None], label) for image, label in parts]


def labelled_volume(image: Tensor, labels: Tensor) -> Volume:
    """A volume from its image (C, D, H, W) and its labels (D, H, W)."""
    return Volume(image, labels, labels.nonzero().cpu().numpy())


def load_blocks(
    volumes: list[Volume], block: tuple[int, int, int], seed: int, samples: np.ndarray, epoch: int
) -> tuple[Tensor, Tensor]:
    """Augmented blocks (B, C, D, H, W) and their labels (B, D, H, W); samples go through the volumes in turns."""
    of_samples = [volumes[sample % len(volumes)] for sample in samples]
    corners = block_corners(of_samples, np.array(block), seed, epoch, samples)
    places = list(zip(of_samples, corners, strict=True))
    images = torch.stack([_cut(volume.image, corner, block) for volume, corner in places])
    labels = torch.stack([_cut(volume.labels, corner, block) for volume, corner in places])
    channels = images.shape[1:3]
    images, labels = augment(images.flatten(1, 2), labels, seed, epoch, samples)
    return images.unflatten(1, channels), labels


def block_corners(volumes: list[Volume], block: np.ndarray, seed: int, epoch: int, samples: np.ndarray) -> np.ndarray:
    """The first voxel (B, 3) of each sample's block; its centre is any voxel of the volume, or one with a label."""
    shapes = np.array([volume.labels.shape for volume in volumes])
    voxels = np.array([len(volume.labelled) for volume in volumes])
    draw = partial(integers, seed, epoch, samples)
    centres = np.stack([draw(axis, shapes[:, axis]) for axis in (DEPTH, ROW, COLUMN)], axis=1)
    chosen = draw(VOXEL, voxels)
    for at in np.flatnonzero((uniform(seed, epoch, samples, FORCED) < ON_LABELS) & (voxels > 0)):
        centres[at] = volumes[at].labelled[chosen[at]]
    return np.clip(centres - block // 2, 0, np.maximum(shapes - block, 0))


def _cut(volume: Tensor, corner: np.ndarray, block: tuple[int, int, int]) -> Tensor:
    """The block of a volume (..., D, H, W) that begins at a corner, padded with 0 where it is larger than that."""
    depth, row, column = (slice(first, first + size) for first, size in zip(corner, block, strict=True))
    return cut_or_pad(volume[..., depth, row, column], tuple(block))
