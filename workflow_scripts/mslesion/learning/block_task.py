"""Training a network to tell lesion from background on blocks of brain scans."""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mslesion.learning.losses import dice_ce_loss
from mslesion.learning.slice_tasks import SliceSource, compared, predict_images, summary
from reprise.data.slices import cut_or_pad
from reprise.inference.volumes import volume_logits
from reprise.step.device import autocast
from reprise.training.augmentation import augment
from reprise.training.sampler import integers, uniform
from reprise.training.task import Task

ON_LESIONS = 1 / 3  # of the blocks are drawn around a voxel of a lesion, as in nnU-Net
DEPTH, ROW, COLUMN, FORCED, VOXEL = range(5)


class Volume(NamedTuple):
    """One scan's part of a source."""

    image: Tensor  # (D, H, W)
    mask: Tensor  # (D, H, W)
    lesion: np.ndarray  # (n, 3), indices of the lesions' voxels


def block_task(source: SliceSource, train: np.ndarray, val: np.ndarray, chosen_by: str) -> Task:
    """A task whose samples are blocks of scans, at new places in each epoch; validation is on whole scans.

    It trains like nnU-Net, on augmented images. The history is that of `window_task`, with scans instead of windows.

    Args:
        source: see `SliceSource`.
        train: numbers (T,) of the scans to train on.
        val: numbers (V,) of the scans to validate on.
        chosen_by: as for `window_task`.
    """
    return Task(
        samples=len(train) * source.settings["blocks_a_scan"],
        load=partial(_load, source, [volume_of(source, scan) for scan in train]),
        predict=predict_images,
        loss=dice_ce_loss,
        cases=len(val),
        at_a_time=1,
        validate=partial(_validate, source, [volume_of(source, scan) for scan in val]),
        summary=partial(summary, val, source.settings["batch_size"]),
        choices={"best": chosen_by},
    )


def volume_of(source: SliceSource, scan: int) -> Volume:
    """A scan's slices as a volume."""
    first, last = np.searchsorted(source.scans, [scan, scan + 1])
    mask = source.masks[first:last]
    return Volume(source.images[first:last], mask, mask.nonzero().cpu().numpy())


def block_corners(volumes: list[Volume], block: np.ndarray, seed: int, epoch: int, samples: np.ndarray) -> np.ndarray:
    """The first voxel (B, 3) of each sample's block; the centre is any voxel of the volume, or one of a lesion."""
    shapes = np.array([volume.mask.shape for volume in volumes])
    voxels = np.array([len(volume.lesion) for volume in volumes])
    draw = partial(integers, seed, epoch, samples)
    centres = np.stack([draw(axis, shapes[:, axis]) for axis in (DEPTH, ROW, COLUMN)], axis=1)
    chosen = draw(VOXEL, voxels)
    for at in np.flatnonzero((uniform(seed, epoch, samples, FORCED) < ON_LESIONS) & (voxels > 0)):
        centres[at] = volumes[at].lesion[chosen[at]]
    return np.clip(centres - block // 2, 0, np.maximum(shapes - block, 0))


def _load(source: SliceSource, train: list[Volume], samples: np.ndarray, epoch: int) -> tuple[Tensor, Tensor]:
    """Some augmented blocks (B, 1, D, H, W) and their masks (B, D, H, W)."""
    block, seed = source.settings["block"], source.settings["seed"]
    volumes = [train[sample % len(train)] for sample in samples]
    corners = block_corners(volumes, np.array(block), seed, epoch, samples)
    places = list(zip(volumes, corners, strict=True))
    images = torch.stack([_cut(volume.image, corner, block) for volume, corner in places])
    masks = torch.stack([_cut(volume.mask, corner, block) for volume, corner in places])
    images, masks = augment(images, masks, seed, epoch, samples)
    return images[:, None], masks


def _cut(volume: Tensor, corner: np.ndarray, block: tuple[int, int, int]) -> Tensor:
    """The block of a volume that begins at a corner, padded with 0 where it is larger than the volume."""
    depth, row, column = (slice(first, first + size) for first, size in zip(corner, block, strict=True))
    return cut_or_pad(volume[depth, row, column], tuple(block))


def _validate(
    source: SliceSource, val: list[Volume], model: nn.Module, cases: np.ndarray, epoch: int
) -> dict[str, Tensor]:
    """Soft sums and counts of one whole scan, as scans differ in depth."""
    (volume,) = (val[case] for case in cases)
    with autocast(source.images.device, source.settings["precision"]):
        logits = volume_logits(model, volume.image[None, None], source.settings["block"])
    return compared(logits, volume.mask[None])
