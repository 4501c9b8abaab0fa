"""Training by the sound protocol: on augmented crops at new places in each epoch, validated on whole volumes."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from iseg.learning.crop_task import dice_columns, predict_tissues, with_mean
from iseg.learning.crops import Subject
from iseg.learning.losses import ACTIVATIONS, dice_of, overlap_sums, sound_dice, sound_loss
from iseg.learning.prediction import tissue_slabs
from reprise.training.class_losses import ClassSums, class_sums, dice_ce_value
from reprise.training.task import Task
from reprise.training.volume_blocks import Volume, labelled_volume, load_blocks


def volume_task(train: Sequence[Subject], val: Sequence[Subject], settings: Mapping[str, Any]) -> Task:
    """A task whose epoch with the best mean Dice of the tissues, over the subjects that validate, is called "best".

    In the history, `train_dice` and `val_dice` are on one scale: the soft Dice of each class and the mean of the three
    tissues, of batches of crops and of whole volumes. `val_argmax_dice` is that of the most probable class in whole
    volumes, and `val_error` is 1 less its mean.

    Args:
        train: subjects to train on.
        val: subjects that choose the epoch.
        settings: crop, crops_a_volume, overlap, batch_size, precision, seed.
    """
    return Task(
        samples=len(train) * settings["crops_a_volume"],
        load=partial(load_crops, [_axial(subject) for subject in train], settings["crop"], settings["seed"]),
        predict=predict_tissues,
        loss=sound_loss,
        cases=len(val),
        at_a_time=1,
        validate=partial(_validate, val, settings),
        summary=volume_summary,
        choices={"best": "val_error"},
        watched=dice_columns("train"),
        watch=lambda outputs, truth: with_mean(sound_dice(outputs, truth), first=1),
    )


def load_crops(
    volumes: list[Volume], crop: Sequence[int], seed: int, samples: np.ndarray, epoch: int
) -> tuple[Tensor, Tensor]:
    """Augmented crops (B, 2, X, Y, Z) and their labels (B, X, Y, Z) of volumes whose first axis is Z."""
    x, y, z = crop
    images, labels = load_blocks(volumes, (z, x, y), seed, samples, epoch)
    return images.movedim(2, -1), labels.movedim(1, -1)


def volume_summary(found: dict[str, np.ndarray]) -> dict[str, float]:
    """Columns of the history from what `_validate` gave for each subject."""
    sums, soft = (torch.from_numpy(found[name]) for name in ("sums", "soft"))
    shared, predicted, true, entropy = soft.sum(dim=0).split([4, 4, 4, 1])
    loss = dice_ce_value(ClassSums(shared, predicted, true, entropy[0]), int(true.sum()))
    shared, predicted, true, _ = soft.split([4, 4, 4, 1], dim=1)
    by_part = {"val": torch.stack([shared, predicted, predicted, true], dim=1), "val_argmax": sums}
    columns: dict[str, float] = {}
    for part, counted in by_part.items():
        dice = with_mean(dice_of(counted, "linear").mean(dim=0), first=1).tolist()
        columns |= dict(zip(dice_columns(part), dice, strict=True))
    return {"val_loss": float(loss)} | columns | {"val_error": 1 - columns["val_argmax_dice"]}


def _axial(subject: Subject) -> Volume:
    """A subject with Z as its first axis, because augmentation turns and flips the last two."""
    return labelled_volume(subject.image.movedim(-1, 1), subject.labels.movedim(-1, 0))


def _validate(
    val: Sequence[Subject], settings: Mapping[str, Any], model: nn.Module, cases: np.ndarray, epoch: int
) -> dict[str, Tensor]:
    """Of one whole volume: the sums (1, 4, 4) of the most probable class, and the soft sums (1, 13) of the loss."""
    (subject,) = (val[case] for case in cases)
    sums, soft, first = torch.zeros(()), torch.zeros(()), 0
    for logits in tissue_slabs(model, subject.image, settings):
        truth = subject.labels[None, first : first + logits.shape[1]]
        first += logits.shape[1]
        sums = overlap_sums(ACTIVATIONS["argmax"](logits[None]), truth).double() + sums.to(truth.device)
        parts = [part.reshape(1, -1) for part in class_sums(logits[None], truth)]
        soft = torch.cat(parts, dim=1).double() + soft.to(truth.device)
    return {"sums": sums, "soft": soft}
