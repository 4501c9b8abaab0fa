"""Training a network to tell the structures of the heart apart, slice by slice."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from acdc.learning.losses import Sums, published_loss, published_value, soft_sums
from acdc.learning.networks import CLASSES, logits_of
from reprise.step.device import autocast, on_device
from reprise.training.augmentation import augment
from reprise.training.class_losses import ClassSums, as_classes, dice_ce_loss, dice_ce_value
from reprise.training.task import Task

THRESHOLD = 0.5  # a pixel counts as a class whose probability is above this in the published scores
SMOOTH = 1e-5
SLICES_AT_A_TIME = 16
HELPER = "from_"  # columns of the history that choose epochs begin with this; they say nothing else


class HeartSource(NamedTuple):
    """Slices ready for the network, on its device."""

    images: Tensor  # (N, H, W) float32
    labels: Tensor  # (N, H, W) uint8, 0 to 3
    settings: Mapping[str, Any]  # batch_size, precision, seed, epochs, snapshots


def published_task(source: HeartSource, train: np.ndarray, val: np.ndarray) -> Task:
    """A task as published: slices as they are, the published loss, and the last epoch, called "best".

    The history has `val_loss`, `val_iou` and `val_fscore` as the published code prints them, which are means over
    batches, and `val_dice`, the mean over the three structures of the Dice of all slices.

    Args:
        source: see `HeartSource`.
        train: numbers of the slices to train on.
        val: numbers of the slices to validate on.
    """
    return Task(
        samples=len(train),
        load=lambda samples, _: picked(source, train[samples]),
        predict=predict_images,
        loss=published_loss,
        cases=len(val),
        at_a_time=source.settings["batch_size"],
        validate=partial(_validate, source, val),
        summary=partial(_published_summary, source.settings, source.labels[0].numel()),
        choices={"best": f"{HELPER}last"},
    )


def sound_task(source: HeartSource, train: np.ndarray, val: np.ndarray, cases: np.ndarray) -> Task:
    """A task on augmented slices; the epoch with the best mean Dice of the validation cases is called "best".

    `val_dice` is the mean over cases and structures of the Dice of a case's slices; a structure without a label in a
    case does not count there. The epochs of `snapshot_epochs` are called "snapshot1" and so on.

    Args:
        source: see `HeartSource`.
        train: numbers of the slices to train on.
        val: numbers of the slices to validate on.
        cases: the case that each slice of the source is of.
    """
    return Task(
        samples=len(train),
        load=partial(_load_augmented, source, train),
        predict=predict_images,
        loss=dice_ce_loss,
        cases=len(val),
        at_a_time=SLICES_AT_A_TIME,
        validate=partial(_validate, source, val),
        summary=partial(sound_summary, source.settings, cases[val]),
        choices={"best": f"{HELPER}best"} | {name: f"{HELPER}{name}" for name in snapshot_epochs(source.settings)},
    )


def snapshot_epochs(settings: Mapping[str, Any]) -> dict[str, int]:
    """The epochs, from 1, of the snapshots of a training by their names: evenly spaced over its last half."""
    count, epochs = settings["snapshots"], settings["epochs"]
    return {f"snapshot{i}": epochs - round((count - i) * epochs / (2 * count)) for i in range(1, count + 1)}


def picked(source: HeartSource, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    """Some slices (B, 1, H, W) and their labels (B, H, W)."""
    places = on_device(torch.from_numpy(rows), source.images.device)
    return source.images.index_select(0, places)[:, None], source.labels.index_select(0, places)


def predict_images(model: nn.Module, images_and_truth: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Logits (B, 4, ...) of images (B, 1, ...), and their labels (B, ...)."""
    images, truth = images_and_truth
    return logits_of(model, images), truth


def compared(logits: Tensor, truth: Tensor, epoch: int) -> dict[str, Tensor]:
    """What the summaries need of predictions (B, 4, ...) and labels (B, ...), and the number of the epoch, from 1.

    `soft` are the `Sums` side by side (B, 14); `counts` (B, 3, 4) of each class: pixels that are the class both in
    truth and in the prediction, pixels of the prediction, and of the truth; `over` (B, 2, 4) the first two for a
    prediction that is above the threshold.
    """
    sums = soft_sums(logits, truth)
    true = as_classes(truth, CLASSES).bool()
    winner = as_classes(logits.argmax(dim=1), CLASSES).bool()
    over = logits.float().softmax(dim=1) > THRESHOLD
    return {
        "soft": torch.cat([part.reshape(len(truth), -1) for part in (*sums.classes, sums.focal)], dim=1),
        "counts": torch.stack([_pixels(true & winner), _pixels(winner), _pixels(true)], dim=1),
        "over": torch.stack([_pixels(true & over), _pixels(over)], dim=1),
        "epoch": torch.full((len(truth),), epoch + 1),
    }


def sound_summary(settings: Mapping[str, Any], cases: np.ndarray, found: dict[str, np.ndarray]) -> dict[str, float]:
    """Columns of the history from what `compared` gave for slices of these cases (V,)."""
    counts = np.stack([found["counts"][cases == case].sum(axis=0) for case in np.unique(cases)])
    dice = float(np.nanmean(_dice(counts)))
    # All pixels of a slice are of some class.
    value = dice_ce_value(_sums(found["soft"].sum(axis=0)).classes, int(found["counts"][:, 2].sum()))
    epoch = int(found["epoch"][0])
    chosen = {f"{HELPER}{name}": float(epoch != at) for name, at in snapshot_epochs(settings).items()}
    return {"val_loss": float(value), "val_dice": dice, f"{HELPER}best": 1 - dice} | chosen


def _published_summary(settings: Mapping[str, Any], pixels: int, found: dict[str, np.ndarray]) -> dict[str, float]:
    """Columns of the history, from batches as Keras has them.

    In the mean of the loss, each batch counts as often as it has slices; in the means of scores, each counts once.
    """
    batches = range(0, len(found["soft"]), settings["batch_size"])
    rows, sizes = [], []
    for batch in (slice(first, first + settings["batch_size"]) for first in batches):
        soft, truth = found["soft"][batch], found["counts"][batch, 2].sum(axis=0)
        shared, predicted = found["over"][batch].sum(axis=0)
        loss = float(published_value(_sums(soft.sum(axis=0)), len(soft) * pixels))
        iou = (shared + SMOOTH) / (predicted + truth - shared + SMOOTH)
        fscore = (2 * shared + SMOOTH) / (predicted + truth + SMOOTH)
        rows.append((loss, iou.mean(), fscore.mean()))
        sizes.append(len(soft))
    losses, ious, fscores = zip(*rows, strict=True)
    means = {
        "val_loss": float(np.average(losses, weights=sizes)),
        "val_iou": float(np.mean(ious)),
        "val_fscore": float(np.mean(fscores)),
    }
    dice = float(np.nanmean(_dice(found["counts"].sum(axis=0)[None])))
    return means | {"val_dice": dice, f"{HELPER}last": settings["epochs"] - float(found["epoch"][0])}


def _validate(
    source: HeartSource, val: np.ndarray, model: nn.Module, cases: np.ndarray, epoch: int
) -> dict[str, Tensor]:
    """What `compared` gives for some validation slices."""
    images, truth = picked(source, val[cases])
    with autocast(images.device, source.settings["precision"]):
        logits = logits_of(model, images)
    return compared(logits, truth, epoch)


def _load_augmented(source: HeartSource, train: np.ndarray, samples: np.ndarray, epoch: int) -> tuple[Tensor, Tensor]:
    images, labels = picked(source, train[samples])
    images, moved = augment(images, labels[:, None], source.settings["seed"], epoch, samples)
    return images, moved[:, 0]


def _pixels(maps: Tensor) -> Tensor:
    """How many pixels of maps (B, 4, ...) are true: (B, 4)."""
    return maps.flatten(2).sum(dim=2)


def _dice(counts: np.ndarray) -> np.ndarray:
    """Dice (n, 3) of the structures from counts (n, 3, 4), see `compared`; NaN where a structure has no label."""
    shared, predicted, true = (counts[:, part, 1:] for part in range(3))
    with np.errstate(invalid="ignore"):
        return np.where(true > 0, 2 * shared / (predicted + true), np.nan)


def _sums(soft: np.ndarray) -> Sums:
    """The `Sums` of a batch from one row of `soft`, see `compared`."""
    row = torch.from_numpy(soft)
    shared, predicted, true = row[:-2].split(CLASSES)
    return Sums(ClassSums(shared, predicted, true, entropy=row[-2]), focal=row[-1])
