"""Training a network to tell lesion from background on the slices of brain scans."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mslesion.learning.losses import PUBLISHED_SMOOTH, dice_ce_loss, soft_dice_loss, soft_dice_sums
from mslesion.learning.printed_measures import published_accuracy, published_dice_loss, published_specificity
from mslesion.learning.window_logits import WINDOWS_AT_A_TIME, centre_logits
from mslesion.learning.windows import CENTRE
from reprise.evaluation.confusion import confusion, rates
from reprise.step.device import autocast, on_device
from reprise.training.augmentation import augment
from reprise.training.task import Task


class SliceSource(NamedTuple):
    """Slices ready for the network, on its device."""

    images: Tensor  # (N, H, W) float32, normalised
    masks: Tensor  # (N, H, W) uint8, 0 or 1
    scans: np.ndarray  # (N,) int, the scan that each slice is of, in ascending order
    settings: Mapping[str, Any]  # batch_size, precision, seed; block and blocks_a_scan of a network that sees blocks


def window_task(source: SliceSource, train: np.ndarray, val: np.ndarray, chosen_by: str) -> Task:
    """A task whose samples are windows of three neighbouring slices; only the centre counts.

    The loss is the published one: soft Dice of the lesions, a whole batch as one image. The history is about the
    centres of the validation windows. It has accuracy, loss and `val_printed_specificity` as the published code prints
    them; Dice, sensitivity and specificity over all pixels pooled; `val_volume_dice`, the mean over scans of the Dice
    of their slices; and the errors, 1 - Dice for each Dice. The choice is called "best".

    Args:
        source: see `SliceSource`.
        train: windows (T, 3) of slice indices to train on.
        val: windows (V, 3) to validate on.
        chosen_by: the column that chooses, val_error or val_volume_error.
    """
    return Task(
        samples=len(train),
        load=lambda samples, _: window_samples(source.images, source.masks, train[samples]),
        predict=_predict_windows,
        loss=soft_dice_loss,
        cases=len(val),
        at_a_time=WINDOWS_AT_A_TIME,
        validate=partial(_validate, source, val),
        summary=partial(summary, source.scans[val[:, CENTRE]], source.settings["batch_size"]),
        choices={"best": chosen_by},
    )


def slice_task(source: SliceSource, train: np.ndarray, val: np.ndarray, chosen_by: str) -> Task:
    """A task like `window_task` for a network that sees the centre only; trained like nnU-Net, on augmented images."""
    task = window_task(source, train, val, chosen_by)
    return task._replace(load=partial(_load_slices, source, train), predict=predict_images, loss=dice_ce_loss)


def window_samples(images: Tensor, masks: Tensor, windows: np.ndarray) -> tuple[Tensor, Tensor]:
    """Slices (B, 3, 1, H, W) of windows (B, 3) of slice indices, and the masks (B, H, W) of their centres.

    Args:
        images: all slices (N, H, W).
        masks: their masks (N, H, W).
        windows: which slices.
    """
    places = on_device(torch.from_numpy(windows), images.device)
    # `index_select` copies whole slices; indexing copies pixel by pixel, which takes twice as long on a CPU.
    seen = images.index_select(0, places.flatten()).unflatten(0, places.shape)
    return seen[:, :, None], masks.index_select(0, places[:, CENTRE])


def summary(scans: np.ndarray, batch_size: int, found: dict[str, np.ndarray]) -> dict[str, float]:
    """Columns of the history from the soft sums (V, 2) and counts (V, 4) of parts of `scans` (V,), such as slices."""
    counts = found["counts"]
    pooled = {name: float(value) for name, value in rates(counts.sum(axis=0)).items()}
    volumes = rates([counts[scans == scan].sum(axis=0) for scan in np.unique(scans)])["dice"]
    return {
        "val_loss": published_dice_loss(found["soft"], batch_size, PUBLISHED_SMOOTH),
        "val_accuracy": published_accuracy(counts, batch_size),
        **{f"val_{name}": pooled[name] for name in ("dice", "sensitivity", "specificity")},
        "val_printed_specificity": published_specificity(counts.sum(axis=0)),
        "val_volume_dice": float(volumes.mean()),
        "val_error": 1 - pooled["dice"],
        "val_volume_error": 1 - float(volumes.mean()),
    }


def compared(logits: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """What `summary` needs of predictions (B, 2, ...) and their truth (B, ...): `soft` (B, 2), `counts` (B, 4).

    Counts are of true and false positives and negatives, see `confusion`.
    """
    soft = [soft_dice_sums(*pair) for pair in zip(logits[:, None], truth[:, None], strict=True)]
    return {"soft": torch.stack(soft), "counts": confusion(logits.argmax(dim=1), truth)}


def predict_images(model: nn.Module, images_and_truth: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Logits (B, 2, ...) of images (B, 1, ...), and their masks (B, ...)."""
    images, truth = images_and_truth
    return model(images), truth


def _predict_windows(model: nn.Module, windows_and_truth: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Logits (B, 2, H, W) and masks (B, H, W) of the windows' centres."""
    windows, truth = windows_and_truth
    return model(windows)[:, CENTRE], truth


def _load_slices(source: SliceSource, train: np.ndarray, samples: np.ndarray, epoch: int) -> tuple[Tensor, Tensor]:
    """Centres (B, 1, H, W) of some windows and their masks (B, H, W), augmented."""
    centres = on_device(torch.from_numpy(train[samples][:, CENTRE]), source.images.device)
    pair = source.images[centres][:, None], source.masks[centres][:, None]
    images, masks = augment(*pair, source.settings["seed"], epoch, samples)
    return images, masks[:, 0]


def _validate(
    source: SliceSource, val: np.ndarray, model: nn.Module, cases: np.ndarray, epoch: int
) -> dict[str, Tensor]:
    """Soft sums and counts of the windows' centres."""
    device = source.images.device
    with autocast(device, source.settings["precision"]):
        logits = centre_logits(model, source.images, val[cases])
    return compared(logits, source.masks[on_device(torch.from_numpy(val[cases][:, CENTRE]), device)])
