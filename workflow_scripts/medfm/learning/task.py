"""Training a network to find what images of one task show, by each protocol."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from medfm.analysis.measures import means_once
from medfm.analysis.protocols import CHOOSING, PUBLISHED, split_of, truth_of
from medfm.learning.images import Images, images_of, training_batch
from medfm.learning.prediction import probabilities_of
from reprise.data.split_audit import audit_splits
from reprise.step.device import on_device
from reprise.step.errors import InputError
from reprise.training.sampler import steps_in_all
from reprise.training.task import Task

AT_A_TIME = 64  # images that are validated together
HELPER = "missing_"  # begins a column of the history that is not written: what chooses the epoch is its minimum


def finding_task(
    task: str,
    protocol: str,
    cases: pd.DataFrame,
    array: np.ndarray,
    settings: Mapping[str, Any],
    device: torch.device,
) -> Task:
    """The training of a network for one task by a protocol.

    The history has mAP, macro AUC and accuracy of the images that choose the epoch: those of `val`. By_writeup has none
    and chooses by the images that it is scored on, `test`.

    Args:
        task: chest, colon or endo.
        protocol: see `PROTOCOLS`.
        cases: the store's, of this task.
        array: the store's, of this task.
        settings: the recipe of the training.
        device: where the network is.

    Raises:
        InputError: see `split_of`; a group in two splits of `sound`; a centre to cut out that is larger than the image.
    """
    if (resize := settings.get("resize")) and resize < settings["size"]:
        raise InputError(f"{protocol}: expected a size of at most {resize} px, which is the short side (resize)")
    images, split = images_of(cases, array, device), split_of(cases, protocol, settings["seed"], settings)
    if protocol == "sound":
        audit_splits(cases.assign(split=split)[split != "unused"], ("group",))
    watched = "test" if protocol == "by_writeup" else "val"
    train, seen = cases[split == "train"], cases[split == watched]
    return Task(
        samples=len(train),
        load=partial(_load, images, train["row"].to_numpy(), truth_of(train), settings, device),
        predict=_predict,
        loss=loss_of(task, protocol in PUBLISHED),
        cases=len(seen),
        at_a_time=AT_A_TIME,
        validate=partial(_validate, images, seen["row"].to_numpy(), task, settings, device),
        summary=partial(_summary, truth_of(seen), watched, CHOOSING[protocol][task]),
        choices={"best": f"{HELPER}{CHOOSING[protocol][task]}"},
    )


def with_warmup_in_epochs(settings: Mapping[str, Any], samples: int) -> dict[str, Any]:
    """The recipe with `warmup_epochs` in place of `warmup_steps`, if it has these, by the steps of an epoch.

    A part of the published recipes counts steps, of which the tasks have other numbers in an epoch.
    """
    decay = dict(settings["decay"])
    if (steps := decay.pop("warmup_steps", None)) is None:
        return dict(settings)
    an_epoch = steps_in_all(settings, samples) / settings["epochs"]
    return {**settings, "decay": decay | {"warmup_epochs": steps / an_epoch}}


def loss_of(task: str, published: bool) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of logits and truth (B, findings): of the colon cross-entropy of two classes, else binary of each.

    It is the mean over images and findings. The published code divides the sum by the number of images alone
    (`avg_factor` of mmpretrain's multi-label head), so that its rates act as larger ones.
    """
    if task == "colon":
        return _two_classes
    return _summed_over_findings if published else binary_cross_entropy_with_logits


def measures(truth: np.ndarray, scores: np.ndarray, published: bool = False) -> dict[str, float]:
    """Mean average precision, macro AUC, and accuracy at a probability of a half.

    A finding whose AP or AUC is not defined is left out of that mean; without any the mean is NaN.

    Args:
        truth: (N, findings) of 0 and 1.
        scores: (N, findings) probabilities.
        published: count undefined values as `published_means` does.
    """
    found = means_once(truth, scores, published)
    return {"map": found["map"], "auc": found["auc"], "accuracy": found["image_accuracy"]}


def _load(
    images: Images,
    rows: np.ndarray,
    truth: np.ndarray,
    settings: Mapping[str, Any],
    device: torch.device,
    samples: np.ndarray,
    epoch: int,
) -> tuple[Tensor, Tensor]:
    """Changed images (B, 3, size, size) and their truth (B, findings) float32."""
    batch = training_batch(images, rows[samples], samples, settings["size"], settings["seed"], epoch, device)
    return batch, on_device(torch.from_numpy(truth[samples].astype(np.float32)), device)


def _predict(model: nn.Module, images_and_truth: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Logits and truth."""
    images, truth = images_and_truth
    return model(images).float(), truth


def _two_classes(logits: Tensor, truth: Tensor) -> Tensor:
    return cross_entropy(logits, truth[:, 0].long())


def _summed_over_findings(logits: Tensor, truth: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(logits, truth, reduction="sum") / len(truth)


def _validate(
    images: Images,
    rows: np.ndarray,
    task: str,
    settings: Mapping[str, Any],
    device: torch.device,
    model: nn.Module,
    cases: np.ndarray,
    epoch: int,
) -> dict[str, Tensor]:
    """Probabilities of some images."""
    return {"scores": probabilities_of(model, task, images, rows[cases], settings, device)}


def _summary(truth: np.ndarray, watched: str, choosing: str, found: dict[str, np.ndarray]) -> dict[str, float]:
    """Columns of the history from the probabilities (N, findings)."""
    measured = measures(truth, found["scores"], published=watched == "test")  # these stand in the table of measures
    missing = 1 - measured[choosing]
    helper = {f"{HELPER}{choosing}": float("inf") if np.isnan(missing) else missing}
    return {f"{watched}_{name}": value for name, value in measured.items()} | helper
