"""Training a network to tell lesion from background on blocks of brain scans."""

from functools import partial

import numpy as np
from torch import Tensor, nn

from mslesion.learning.losses import dice_ce_loss
from mslesion.learning.slice_tasks import SliceSource, compared, predict_images, summary
from reprise.inference.volumes import volume_logits
from reprise.step.device import autocast
from reprise.training.task import Task
from reprise.training.volume_blocks import Volume, load_blocks, volumes_of


def block_task(source: SliceSource, train: np.ndarray, val: np.ndarray, chosen_by: str) -> Task:
    """A task whose samples are blocks of scans, at new places in each epoch; validation is on whole scans.

    It trains like nnU-Net, on augmented images. The history is that of `window_task`, with scans instead of windows.

    Args:
        source: see `SliceSource`.
        train: numbers (T,) of the scans to train on.
        val: numbers (V,) of the scans to validate on.
        chosen_by: as for `window_task`.
    """
    settings, slices = source.settings, (source.images, source.masks, source.scans)
    return Task(
        samples=len(train) * settings["blocks_a_scan"],
        load=partial(load_blocks, volumes_of(*slices, train), settings["block"], settings["seed"]),
        predict=predict_images,
        loss=dice_ce_loss,
        cases=len(val),
        at_a_time=1,
        validate=partial(_validate, source, volumes_of(*slices, val)),
        summary=partial(summary, val, settings["batch_size"]),
        choices={"best": chosen_by},
    )


def _validate(
    source: SliceSource, val: list[Volume], model: nn.Module, cases: np.ndarray, epoch: int
) -> dict[str, Tensor]:
    """Soft sums and counts of one whole scan, as scans differ in depth."""
    (volume,) = (val[case] for case in cases)
    with autocast(source.images.device, source.settings["precision"]):
        logits = volume_logits(model, volume.image[None], source.settings["block"])
    return compared(logits, volume.labels[None])
