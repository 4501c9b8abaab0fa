"""Training as published: on a fixed list of crops, with a soft Dice that counts air, too."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from iseg.analysis.protocols import CLASSES
from iseg.learning.crops import Crops, gathered
from iseg.learning.losses import dice_of, overlap_sums, published_dice, published_loss
from reprise.step.device import autocast
from reprise.training.task import Task


def crop_task(train: Crops, val: Crops, settings: Mapping[str, Any]) -> Task:
    """A task on crops at fixed places, in a new order in each epoch; those that validate keep theirs.

    The history has loss and Dice of crops, and the Dice of each class, for training and validation alike: the soft Dice
    of a batch as one volume, then the mean over batches. The epoch with the lowest validation loss is called "best".

    Args:
        train: crops to train on.
        val: crops to validate on.
        settings: batch_size, precision, and dice, the form of the Dice, see `dice_of`.
    """
    form, batch_size = settings["dice"], settings["batch_size"]
    return Task(
        samples=len(train.places.subjects),
        load=lambda samples, _: gathered(train, samples),
        predict=predict_tissues,
        loss=partial(published_loss, form),
        cases=len(val.places.subjects),
        at_a_time=batch_size,
        validate=partial(_validate, val, settings["precision"]),
        summary=partial(crop_summary, form, batch_size),
        choices={"best": "val_loss"},
        watched=dice_columns("train"),
        watch=lambda outputs, truth: with_mean(published_dice(form, outputs, truth)),
    )


def predict_tissues(model: nn.Module, images_and_truth: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """What a network returns for images (B, 2, ...), and their labels (B, ...)."""
    images, truth = images_and_truth
    return model(images), truth


def dice_columns(part: str) -> tuple[str, ...]:
    """The columns of the history for the Dice of `train` or `val`: the mean, and each class."""
    return f"{part}_dice", *(f"{part}_dice_{name}" for name in CLASSES)


def with_mean(dice: Tensor, first: int = 0) -> Tensor:
    """The mean over the classes from `first` on, then the Dice (4,) of each class: (5,)."""
    return torch.cat([dice[first:].mean()[None], dice])


def crop_summary(form: str, batch_size: int, found: dict[str, np.ndarray]) -> dict[str, float]:
    """Columns of the history from the sums (V, 4, 4) of crops, see `overlap_sums`."""
    sums = found["sums"]
    batches = [sums[first : first + batch_size].sum(axis=0) for first in range(0, len(sums), batch_size)]
    dice = dice_of(np.stack(batches), form).mean(axis=0)
    values = dict(zip(dice_columns("val"), [dice.mean(), *dice], strict=True))
    return {"val_loss": 1 - float(dice.mean())} | {name: float(value) for name, value in values.items()}


def _validate(val: Crops, precision: str, model: nn.Module, cases: np.ndarray, epoch: int) -> dict[str, Tensor]:
    """The sums of some crops."""
    images, truth = gathered(val, cases)
    with autocast(images.device, precision):
        logits = model(images)
    return {"sums": overlap_sums(logits.float().sigmoid(), truth)}
