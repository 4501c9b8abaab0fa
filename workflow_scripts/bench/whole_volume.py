"""How fast a whole volume is segmented: in batches of windows, and window by window, each copied back."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import torch
from rows import Row, faster, verdict
from torch import nn

from iseg.learning.networks import tissue_network
from iseg.learning.prediction import tissue_slabs
from iseg.learning.stitching import axis_weights, starts_of
from iseg.phantom import infant_brain
from reprise.data.phantom_voxels import make_grid
from reprise.data.slices import standardise
from reprise.engine.configuration import study_settings
from reprise.models.weights import channels_last

NAME = "whole volumes a second, against window by window, copied back each time"
WIDTH_ON_CPU = 0.25
AGREE = 0.9999  # of the voxels: batches of another size round in another way
ROUNDS = 3


def whole_volume_row(device: torch.device) -> Row:
    """A brain of the release's size by UNET3D with the windows of `sound`; both ways must give the same labels."""
    settings = study_settings("iseg", "published")
    grid = make_grid(settings["phantom"]["shape"], [1.0] * 3)
    random = np.random.default_rng(0)
    labels = infant_brain.draw_labels(random, grid)
    images = [infant_brain.acquire(random, labels, grid, name) for name in infant_brain.SIGNAL]
    volume = torch.stack([standardise(torch.from_numpy(image)) for image in images]).to(device)
    torch.manual_seed(0)
    model = tissue_network("unet3d", settings["width"] if device.type == "cuda" else WIDTH_ON_CPU).to(device)
    model, recipe = channels_last(model).eval(), settings["sound"] | {"precision": "fp32"}
    found: dict[str, np.ndarray] = {}

    def ours() -> int:
        found["ours"] = torch.cat([slab.argmax(0).cpu() for slab in tissue_slabs(model, volume, recipe)]).numpy()
        return 1

    def reference() -> int:
        found["reference"] = one_by_one(model, volume, recipe["crop"], recipe["overlap"]).argmax(axis=0)
        return 1

    row = faster(NAME, ours, reference, required=2, rounds=ROUNDS)
    same = np.mean(found["ours"] == found["reference"]) > AGREE
    return row._replace(ok=verdict(row.ok == "yes" and bool(same)))


def one_by_one(model: nn.Module, volume: torch.Tensor, window: list[int], overlap: float) -> np.ndarray:
    """Logits (4, X, Y, Z): each window alone through the network, and back to main memory, where it is added."""
    total = np.zeros((4, *volume.shape[1:]))
    for corner, weights in _windows(volume.shape[1:], window, overlap):
        box = tuple(slice(first, first + side) for first, side in zip(corner, window, strict=True))
        with torch.inference_mode():
            result = model(volume[(slice(None), *box)].contiguous()[None])[0].cpu().numpy()
        total[(slice(None), *box)] += result * weights
    return total


def _windows(shape: torch.Size, window: list[int], overlap: float) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """The first voxel of each window, and the weights of its voxels."""
    cpu = torch.device("cpu")
    starts = [starts_of(length, side, overlap) for length, side in zip(shape, window, strict=True)]
    axes = zip(shape, window, starts, strict=True)
    along = [axis_weights(length, side, first, cpu).numpy() for length, side, first in axes]
    for x, y, z in product(*(range(len(first)) for first in starts)):
        weights = along[0][x][:, None, None] * along[1][y][:, None] * along[2][z]
        yield (starts[0][x], starts[1][y], starts[2][z]), weights
