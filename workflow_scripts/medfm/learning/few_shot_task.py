"""Training on a support set: images and labels, the loss, and which epoch is kept."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from medfm.analysis.protocols import CHOOSING
from medfm.learning.images import Images, training_batch
from medfm.learning.prediction import probabilities_of
from medfm.learning.task import loss_of, measures
from reprise.inference.network import in_batches
from reprise.step.device import on_device
from reprise.training.task import Task

AT_A_TIME = 16
LAST = "before_last"  # column of the history: 0 in the last epoch
CHOSEN = "from_best"  # column of the history: how far an epoch is from a perfect measure
UNSEEN = "from_best_unseen"  # the same, on the images of the list to validate on that are not learned from


class Shots(NamedTuple):
    """The images of a task for few-shot experiments."""

    task: str
    images: Images
    rows: np.ndarray  # (N,) of the images in the task's array
    truth: np.ndarray  # (N, K) 0 or 1; 0 without labels
    settings: Mapping[str, Any]  # size, seed, epochs, precision
    device: torch.device


def few_shot_task(shots: Shots, support: np.ndarray, validation: np.ndarray | None) -> Task:
    """A task on a support set. Without a set to validate on it keeps the last epoch, called "chosen".

    With one it is a published training: it has the published loss, and keeps the best epoch by the challenge's measure
    there: mAP of chest, accuracy of colon, AUC of endo. As "unseen" it keeps the epoch that is best by the images of
    this set that are not in the support set; without such images, the first.

    Args:
        shots: the task's images.
        support: images to learn from, as positions; one that comes twice counts twice.
        validation: images to choose the epoch on, or None.
    """
    validates = validation is not None
    return Task(
        samples=len(support),
        load=partial(_load, shots, support),
        predict=lambda model, batch: (model(batch[0]).float(), batch[1]),
        loss=loss_of(shots.task, published=validates),
        cases=len(validation) if validation is not None else 1,
        at_a_time=AT_A_TIME,
        validate=partial(_validate, shots, validation) if validation is not None else partial(_count, shots),
        summary=partial(_measured, shots, validation, support) if validation is not None else _left,
        choices={"chosen": CHOSEN, "unseen": UNSEEN} if validates else {"chosen": LAST},
    )


def scores_of_images(model: nn.Module, shots: Shots, chosen: np.ndarray) -> np.ndarray:
    """Probabilities (n, findings) of images at these positions by a network, which is put in evaluation mode."""
    model.eval()
    found = in_batches(len(chosen), AT_A_TIME, lambda part: _scores(model, shots, chosen[part]), shots.device)
    nothing = np.zeros((0, shots.truth.shape[1]), np.float32)  # a data set may have no images to submit
    return np.concatenate([nothing, *(part.numpy() for part in found)])


def _scores(model: nn.Module, shots: Shots, chosen: np.ndarray) -> Tensor:
    return probabilities_of(model, shots.task, shots.images, shots.rows[chosen], shots.settings, shots.device)


def _load(shots: Shots, support: np.ndarray, samples: np.ndarray, epoch: int) -> tuple[Tensor, Tensor]:
    """Images (B, 3, size, size) cut at random, and their labels (B, K)."""
    chosen, size, seed = support[samples], shots.settings["size"], shots.settings["seed"]
    images = training_batch(shots.images, shots.rows[chosen], samples, size, seed, epoch, shots.device)
    return images, on_device(torch.from_numpy(shots.truth[chosen]).float(), shots.device)


def _validate(
    shots: Shots, validation: np.ndarray, model: nn.Module, cases: np.ndarray, epoch: int
) -> dict[str, Tensor]:
    return {"scores": _scores(model, shots, validation[cases])}


def _measured(
    shots: Shots, validation: np.ndarray, support: np.ndarray, found: dict[str, np.ndarray]
) -> dict[str, float]:
    unseen = ~np.isin(validation, support)
    every = _chosen_by(shots, validation, found["scores"])
    other = _chosen_by(shots, validation[unseen], found["scores"][unseen]) if unseen.any() else float("nan")
    return {"val_measure": every, CHOSEN: _from_best(every), UNSEEN: _from_best(other)}


def _chosen_by(shots: Shots, images: np.ndarray, scores: np.ndarray) -> float:
    """The measure that chooses the epoch, of these images; NaN where it is not defined."""
    return measures(shots.truth[images], scores)[CHOOSING["by_challenge"][shots.task]]


def _from_best(value: float) -> float:
    return float("inf") if np.isnan(value) else 1 - value


def _count(shots: Shots, model: nn.Module, cases: np.ndarray, epoch: int) -> dict[str, Tensor]:
    return {LAST: torch.tensor([float(epoch + 1 < shots.settings["epochs"])])}


def _left(found: dict[str, np.ndarray]) -> dict[str, float]:
    return {LAST: float(found[LAST][0])}
