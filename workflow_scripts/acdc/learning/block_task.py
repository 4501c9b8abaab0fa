"""Training a network to tell the structures of the heart apart on blocks of stacks."""

from functools import partial

import numpy as np
from torch import Tensor, nn

from acdc.learning.slice_tasks import HeartSource, compared, predict_images, sound_summary
from reprise.inference.volumes import volume_logits
from reprise.step.device import autocast
from reprise.training.class_losses import dice_ce_loss
from reprise.training.task import Task
from reprise.training.volume_blocks import Volume, load_blocks, volumes_of


def block_task(source: HeartSource, train: np.ndarray, val: np.ndarray, cases: np.ndarray) -> Task:
    """A task whose samples are augmented blocks of stacks, at new places in each epoch; it validates on whole stacks.

    The history is that of `sound_task`. There are no snapshots.

    Args:
        source: see `HeartSource`; its settings have `block` and `blocks_a_scan`, too.
        train: numbers of the cases to train on.
        val: numbers of the cases to validate on.
        cases: the case that each slice of the source is of, in ascending order.
    """
    settings, slices = source.settings, (source.images, source.labels, cases)
    return Task(
        samples=len(train) * settings["blocks_a_scan"],
        load=partial(load_blocks, volumes_of(*slices, train), settings["block"], settings["seed"]),
        predict=predict_images,
        loss=dice_ce_loss,
        cases=len(val),
        at_a_time=1,
        validate=partial(_validate, source, volumes_of(*slices, val)),
        summary=partial(sound_summary, settings, val),
        choices={"best": "from_best"},
    )


def _validate(
    source: HeartSource, val: list[Volume], model: nn.Module, cases: np.ndarray, epoch: int
) -> dict[str, Tensor]:
    """What `compared` gives for one whole stack, as stacks differ in depth."""
    (volume,) = (val[case] for case in cases)
    with autocast(source.images.device, source.settings["precision"]):
        logits = volume_logits(model, volume.image[None], source.settings["block"])
    return compared(logits, volume.labels[None], epoch)
