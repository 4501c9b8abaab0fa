"""What a network takes: parameters and multiply-adds for nothing, and time and memory where it trains and segments."""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from iseg.learning.layers import MODALITIES
from iseg.learning.networks import tissue_network
from iseg.learning.prediction import tissue_slabs
from reprise.models.weights import channels_last
from reprise.training.learner import Batch, learner_of, train_step
from reprise.training.measuring import LivingArrays
from reprise.training.processes import Processes
from reprise.training.task import Task
from reprise.training.timing import synchronise, timed_steps

SIDE = 64  # of the crop for which multiply-adds are counted
WARM_UP = 2  # training steps before those that count


class Size(NamedTuple):
    """How large a network of width 1 is."""

    parameters: int
    multiply_adds: int  # for a crop of 64 cubed, in training mode, forward only: with all heads


class Measured(NamedTuple):
    """What a network takes on a device."""

    step_ms: float  # of a training step, the mean
    peak_mb: float  # of weights, optimiser and all arrays that live at one time in a training step
    volume_s: float  # of a whole volume, from overlapping windows


def size_of(network: str) -> Size:
    """The size of a network, on the meta device, which neither computes nor takes memory."""
    with torch.device("meta"):
        model, crop = tissue_network(network), torch.empty(1, MODALITIES, SIDE, SIDE, SIDE)
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        model(crop)
    return Size(sum(parameter.numel() for parameter in model.parameters()), flops.get_total_flops() // 2)


def measured(network: str, task: Task, image: Tensor, settings: Mapping[str, Any], repeats: int) -> Measured:
    """Measure training steps and the segmentation of a whole volume.

    Args:
        network: see `NAMES`.
        task: of the training, on the device.
        image: (2, X, Y, Z) on the device, normalised.
        settings: the recipe of the training.
        repeats: how many training steps are timed.

    Raises:
        InputError: the GPU's memory is too small.
    """
    torch.manual_seed(settings["seed"])
    model = channels_last(tissue_network(network, settings["width"]).to(image.device))
    learner = learner_of(model.train(), task, settings, Processes(0, 1), None)
    samples = np.arange(min(settings["batch_size"], task.samples))
    batch = Batch(len(samples), 0, task.load(samples, 0))
    with LivingArrays(model) as living:
        train_step(learner, batch, 0)
    seconds = timed_steps(model, task, settings, WARM_UP, repeats).seconds
    model.eval()
    synchronise(image.device)
    began = time.perf_counter()
    for _ in tissue_slabs(model, image, settings):
        pass
    synchronise(image.device)
    return Measured(1000 * seconds, living.peak / 2**20, time.perf_counter() - began)
