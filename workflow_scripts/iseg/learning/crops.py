"""Crops of subjects whose volumes stay on the network's device; they are cut there."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from iseg.learning.normalisation import OF_CROP, of_crops
from iseg.learning.places import Places


class Subject(NamedTuple):
    """A subject with labels, on the network's device."""

    name: str
    image: Tensor  # (2, X, Y, Z) float32, T1 and T2, normalised
    labels: Tensor  # (X, Y, Z) uint8, 0 to 3


class Crops(NamedTuple):
    """Crops of subjects; nothing is copied until they are gathered."""

    subjects: Sequence[Subject]
    places: Places
    crop: Sequence[int]  # sides in voxels
    normalisation: str


def gathered(crops: Crops, chosen: np.ndarray) -> tuple[Tensor, Tensor]:
    """Some crops (B, 2, x, y, z), normalised, and their labels (B, x, y, z)."""
    images, labels = [], []
    for subject, corner in zip(crops.places.subjects[chosen], crops.places.corners[chosen], strict=True):
        box = tuple(slice(first, first + side) for first, side in zip(corner, crops.crop, strict=True))
        images.append(crops.subjects[subject].image[(slice(None), *box)])
        labels.append(crops.subjects[subject].labels[box])
    stacked = torch.stack(images)
    return of_crops(stacked) if crops.normalisation == OF_CROP else stacked, torch.stack(labels)
