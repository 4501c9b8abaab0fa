"""Random changes of training images, on their device; they depend on (seed, epoch, sample) only."""

from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from reprise.step.device import on_device
from reprise.training.sampler import uniform

# After nnU-Net: degrees, factors, and the fraction of samples that are turned and scaled.
TURN = 15.0
SCALES = (0.7, 1.4)
TURNED = 0.5
CONTRASTS = (0.75, 1.25)
SHIFT = 0.2
FIRST_STREAM = 16  # of random numbers; tasks use the streams below
FLIP_ROWS, FLIP_COLUMNS, CHOSEN, ANGLE, SCALE, CONTRAST, OFFSET = range(FIRST_STREAM, FIRST_STREAM + 7)


def augment(images: Tensor, masks: Tensor, seed: int, epoch: int, samples: np.ndarray) -> tuple[Tensor, Tensor]:
    """Flip, turn and scale images (B, C, H, W) together with masks (B, C, H, W), and change the images' contrast.

    All channels, such as the slices of a block, change in the same way. Pixels from outside the image are 0.

    Args:
        images: float32, normalised.
        masks: whole numbers, kept as they are.
        seed: of the training run.
        epoch: of the training run.
        samples: (B,) numbers of the samples.
    """
    draw = partial(uniform, seed, epoch, samples)
    device = images.device
    with torch.autocast(device.type, enabled=False):
        maps = on_device(torch.from_numpy(_maps(draw, images.shape[-2:])).float(), device)
        grid = _places(maps, images.shape[-2:])
        changed = grid_sample(images, grid, mode="bilinear", align_corners=False)
        moved = grid_sample(masks.to(torch.float32), grid, mode="nearest", align_corners=False).to(masks.dtype)
        factors = [between(*CONTRASTS, draw(CONTRAST)), between(-SHIFT, SHIFT, draw(OFFSET))]
        drawn = on_device(torch.from_numpy(np.stack(factors)).float(), device)
        contrast, offset = drawn[..., None, None, None]
        return changed * contrast + offset, moved


def between(low: float, high: float, fraction: np.ndarray) -> np.ndarray:
    """Numbers at these fractions, in [0, 1), of the way from `low` to `high`."""
    return low + (high - low) * fraction


def _maps(draw: partial[np.ndarray], size: tuple[int, ...]) -> np.ndarray:
    """Linear maps (B, 2, 2) from coordinates in a result to coordinates in the image, both from -1 to 1."""
    turned = draw(CHOSEN) < TURNED
    angle = np.where(turned, np.deg2rad(between(-TURN, TURN, draw(ANGLE))), 0.0)
    scale = np.where(turned, SCALES[0] * (SCALES[1] / SCALES[0]) ** draw(SCALE), 1.0)
    columns, rows = (np.where(draw(flip) < 0.5, -1.0, 1.0) for flip in (FLIP_COLUMNS, FLIP_ROWS))
    height, width = size
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    first = np.stack([columns * cosine, -columns * sine * height / width], axis=1)
    second = np.stack([rows * sine * width / height, rows * cosine], axis=1)
    return np.stack([first, second], axis=1)


def _places(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Where each pixel of the results comes from, (B, H, W, 2), by linear maps (B, 2, 2).

    `affine_grid` gives the same, but multiplies matrices that are tall and thin, which takes a CPU ten times as long.
    """
    identity = torch.eye(2, 3, device=maps.device)[None]
    still = affine_grid(identity, [1, 1, *size], align_corners=False)[0]
    across, down = still[0, :, 0], still[:, 0, 1]
    of_columns, of_rows = maps[..., 0, None, None], maps[..., 1, None, None]
    return (across * of_columns + down[:, None] * of_rows).movedim(1, -1)
