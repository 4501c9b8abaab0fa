"""Sums of overlap in whole volumes and in crops, of which all Dice scores are made."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from iseg.analysis.protocols import CLASSES
from iseg.learning.crops import Crops, Subject, gathered
from iseg.learning.losses import ACTIVATIONS, overlap_sums
from iseg.learning.places import Places, published_places
from iseg.learning.prediction import tissue_slabs
from reprise.inference.network import in_batches
from reprise.step.command import say
from reprise.step.device import autocast
from reprise.step.errors import InputError

COLUMNS = ("overlap", "predicted", "predicted_squares", "true")  # in the order of `overlap_sums`
CROPS_AT_A_TIME = 2


def predicted_volume(
    model: nn.Module, subject: Subject, settings: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """What a network finds in a whole volume.

    Returns: the most probable class (X, Y, Z) uint8; the sums (3, 4, 4) by activation, kind of sum and class; the
        logits (4, X, Y) float16 of the axial plane with the most labelled voxels; and the number of this plane.
    """
    z = int((subject.labels > 0).sum(dim=(0, 1)).argmax())
    labels, planes, first = [], [], 0
    sums = np.zeros((len(ACTIVATIONS), len(COLUMNS), len(CLASSES)))
    for logits in tissue_slabs(model, subject.image, settings):
        truth = subject.labels[None, first : first + logits.shape[1]]
        first += logits.shape[1]
        sums += activated_sums(logits[None], truth)[0].double().cpu().numpy()
        labels.append(logits.argmax(dim=0).to(torch.uint8).cpu())
        planes.append(logits[..., z].cpu())
    most = float(np.finfo(np.float16).max)
    plane = torch.cat(planes, dim=1).clamp(-most, most).numpy().astype(np.float16)
    return torch.cat(labels).numpy(), sums, plane, z


def predicted_crops(model: nn.Module, crops: Crops, chosen: np.ndarray, precision: str) -> np.ndarray:
    """The sums (N, 3, 4, 4) of the crops with the numbers `chosen` (N,): crop, activation, kind of sum, class."""
    device = crops.subjects[0].image.device

    def compute(chunk: slice) -> Tensor:
        images, truth = gathered(crops, chosen[chunk])
        with autocast(device, precision):
            logits = model(images)
        return activated_sums(logits.float(), truth)

    found = list(in_batches(len(chosen), CROPS_AT_A_TIME, compute, device))
    return torch.cat(found).double().numpy() if found else np.empty((0, len(ACTIVATIONS), len(COLUMNS), len(CLASSES)))


def activated_sums(logits: Tensor, truth: Tensor) -> Tensor:
    """The sums (B, 3, 4, 4) of logits (B, 4, ...) by each of `ACTIVATIONS`; see `overlap_sums`."""
    return torch.stack([overlap_sums(activate(logits), truth) for activate in ACTIVATIONS.values()], dim=1)


def crops_rich_in_brain(name: str, labels: np.ndarray, crop: Sequence[int], rule: Mapping[str, Any]) -> Places:
    """The places of crops of one subject by the published rule; if no crop holds that share, any label is enough.

    Args:
        name: of the subject.
        labels: (X, Y, Z).
        crop: sides in voxels.
        rule: val (how many crops), least, seed; see `published_places`.

    Raises:
        InputError: the crop is larger than the volume, or no corner that may be drawn has a label.
    """
    one = [{name: labels}], crop, [rule["val"]]
    try:
        return published_places(*one, rule["least"], rule["seed"])[0]
    except InputError as error:
        places = published_places(*one, 0, rule["seed"])[0]
        say(f"{error}; crops with any label are scored instead")
        return places


def rows_of(
    of: Mapping[str, Any], unit: str, numbers: np.ndarray, batches: np.ndarray, sums: np.ndarray
) -> pd.DataFrame:
    """One row for each activation and class of some volumes or crops, from their sums (N, 3, 4, 4)."""
    count = len(ACTIVATIONS) * len(CLASSES)
    units = {"unit": unit, "number": np.repeat(numbers, count), "batch": np.repeat(batches, count)}
    values = {
        "activation": np.tile(np.repeat([*ACTIVATIONS], len(CLASSES)), len(numbers)),
        "class": np.tile(CLASSES, len(numbers) * len(ACTIVATIONS)),
    }
    columns = np.moveaxis(sums, 2, -1).reshape(-1, len(COLUMNS))
    return pd.DataFrame({**of, **units, **values, **dict(zip(COLUMNS, columns.T, strict=True))})
