"""Few-shot methods on frozen features: they see one vector an image, and no network learns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from medfm.analysis.few_shot import FROZEN, Answers, Experiment
from medfm.analysis.protocols import of_task, truth_of
from reprise.step.command import progress


class Support(NamedTuple):
    """What one experiment learns from; an image may come twice."""

    features: np.ndarray  # (n, D) float32
    truth: np.ndarray  # (n, K) 0 or 1


def frozen_answers(
    cases: pd.DataFrame,
    features: np.ndarray,
    experiments: Sequence[Experiment],
    settings: Mapping[str, Any],
    device: Any,
) -> Iterator[Answers]:
    """The answers of each method of the settings that needs frozen features only.

    Args:
        cases: all images.
        features: (N, D) of all images, in the same order.
        experiments: see `experiments_of`.
        settings: `methods`, and those of each method.
        device: of PyTorch.
    """
    methods = [method for method in FROZEN if method in settings["methods"]]
    for task in dict.fromkeys(each.task for each in experiments):
        images = of_task(cases, task)
        seen = np.ascontiguousarray(features[images.index])
        chosen = [each for each in experiments if each.task == task]
        supports = [Support(seen[each.support], truth_of(images.iloc[each.support])) for each in chosen]
        for method in progress(methods, f"methods of {task}"):
            for each, scores in zip(chosen, scored_by_method(method, supports, seen, settings, device), strict=True):
                yield Answers(each, method, "test", 0, scores[each.scored])
                yield Answers(each, method, "submission", 0, scores[each.submitted])


def scored_by_method(
    method: str, supports: Sequence[Support], features: np.ndarray, settings: Mapping[str, Any], device: Any
) -> Sequence[np.ndarray]:
    """Scores (N, K) of all images of a task by each support set."""
    if method == "linear_probe":
        return list(linear_probe(supports, features, settings["linear_probe"], device))
    if method == "prototypes":
        return [prototypes(support, features) for support in supports]
    return [logistic_regression(support, features, settings["logistic_regression"]) for support in supports]


def unit(features: np.ndarray) -> np.ndarray:
    """Features (N, D) with length 1 each."""
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)


def linear_probe(
    supports: Sequence[Support], features: np.ndarray, settings: Mapping[str, Any], device: Any
) -> np.ndarray:
    """Probabilities (E, N, K) by a linear layer for each of E experiments, all trained at once by gradient descent.

    Each has sigmoids, the mean binary cross-entropy of its support set, and starts at 0; AdamW sees the whole set in
    each step. Features have length sqrt(D), so that one learning rate fits all networks.

    Args:
        supports: one for each experiment, with the same K findings.
        features: (N, D) of the images to score.
        settings: `steps`, `lr`, `weight_decay`.
        device: of PyTorch.
    """
    import torch

    from reprise.training.optimiser import take_step

    most, size = max(len(each.truth) for each in supports), features.shape[1]
    inputs = np.zeros((len(supports), most, size), np.float32)
    truth = np.zeros((len(supports), most, supports[0].truth.shape[1]), np.float32)
    share = np.zeros((len(supports), most, 1), np.float32)  # of an image in its experiment's loss; 0 fills up
    for number, each in enumerate(supports):
        count = len(each.truth)
        inputs[number, :count], truth[number, :count] = unit(each.features) * size**0.5, each.truth
        share[number, :count] = 1 / count
    x, y, weights = (torch.from_numpy(array).to(device) for array in (inputs, truth, share))
    slopes = torch.zeros(len(supports), size, y.shape[2], device=device, requires_grad=True)
    offsets = torch.zeros(len(supports), 1, y.shape[2], device=device, requires_grad=True)
    optimiser = torch.optim.AdamW([slopes, offsets], settings["lr"], weight_decay=settings["weight_decay"])
    for _ in range(settings["steps"]):
        optimiser.zero_grad()
        losses = torch.nn.functional.binary_cross_entropy_with_logits(x @ slopes + offsets, y, reduction="none")
        (losses * weights).mean(dim=2).sum().backward()  # experiments share no array, so the sum trains each alone
        take_step(optimiser)
    with torch.no_grad():
        scored = torch.from_numpy(unit(features) * np.float32(size**0.5)).to(device)
        return (scored @ slopes + offsets).sigmoid().cpu().numpy()


def logistic_regression(support: Support, features: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
    """Probabilities (N, K) by scikit-learn's logistic regression for each finding, on features of length 1.

    A finding that all images of the support set have, or none, gets that share as the probability of each image.

    Args:
        support: of the experiment.
        features: (N, D) of the images to score.
        settings: `c`, the inverse strength of the L2 penalty.
    """
    from sklearn.linear_model import LogisticRegression

    seen, scored = unit(support.features), unit(features)
    scores = np.empty((len(features), support.truth.shape[1]), np.float32)
    for finding, labels in enumerate(support.truth.T):
        if labels.min() == labels.max():
            scores[:, finding] = labels[0]
            continue
        model = LogisticRegression(C=settings["c"], max_iter=1000).fit(seen, labels)
        scores[:, finding] = model.predict_proba(scored)[:, 1]
    return scores


def prototypes(support: Support, features: np.ndarray) -> np.ndarray:
    """Scores (N, K) from 0 to 1 by the cosine to the mean features of images with a finding, and of those without.

    The score is 1/2 + (cosine with - cosine without) / 4. The means are of features of length 1. A finding that all
    images of the support set have, or none, scores 1/2.

    Args:
        support: of the experiment.
        features: (N, D) of the images to score.
    """
    seen, scored = unit(support.features), unit(features)
    scores = np.full((len(features), support.truth.shape[1]), 0.5, np.float32)
    for finding, labels in enumerate(support.truth.T.astype(bool)):
        if labels.any() and not labels.all():
            present, absent = unit(np.stack([seen[labels].mean(axis=0), seen[~labels].mean(axis=0)]))
            scores[:, finding] += scored @ (present - absent) / 4
    return scores
