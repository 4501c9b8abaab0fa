"""Few-shot experiments on features computed once, against features computed for each experiment and method."""

import time
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch
from rows import Row, paired

from medfm.analysis.few_shot import FROZEN, Experiment
from medfm.analysis.protocols import TASKS, of_task, truth_of
from medfm.learning.features import features_of
from medfm.learning.frozen import Support, frozen_answers, scored_by_method
from medfm.learning.networks import finding_network

NAME = "few-shot answers a second (135 of 3 tasks), against features computed for each"
IMAGES, SIDE = 40, 224  # of each task; px
SUPPORT = {1: 8, 5: 16, 10: 24}  # images by the number of shots
EXPERIMENTS = 5
NETWORK = "vit_small_patch16_224"
SETTINGS: dict[str, Any] = {
    "methods": FROZEN,
    "linear_probe": {"steps": 300, "lr": 1e-2, "weight_decay": 1e-4},
    "logistic_regression": {"c": 1.0},
    "size": SIDE,
    "precision": "fp32",
}


def few_shot_sweep_row(device: torch.device) -> Row:
    """3 tasks, 3 numbers of shots, 5 experiments and 3 methods; of the slow way one answer of each task and method."""
    cases, arrays = made_up()
    model = finding_network(NETWORK, 1, SIDE).to(device).eval()
    experiments = [experiment(*each) for each in product(TASKS, SUPPORT, range(1, EXPERIMENTS + 1))]

    def ours() -> float:
        began = time.perf_counter()
        features = np.concatenate(list(features_of(model, cases, arrays, SETTINGS, device)))
        answers = sum(each.split == "test" for each in frozen_answers(cases, features, experiments, SETTINGS, device))
        return answers / (time.perf_counter() - began)

    def reference() -> float:
        began = time.perf_counter()
        for task, method in zip(TASKS, FROZEN, strict=True):
            images, chosen = of_task(cases, task), experiment(task, 5, 1)
            features = np.concatenate(list(features_of(model, images, arrays, SETTINGS, device)))
            support = Support(features[chosen.support], truth_of(images.iloc[chosen.support]))
            scored_by_method(method, [support], features, SETTINGS, device)
        return len(FROZEN) / (time.perf_counter() - began)

    return paired(NAME, ours, reference, 20, rounds=1)


def made_up() -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Cases and images of noise, as a store has them."""
    random, tables, arrays = np.random.default_rng(0), [], {}
    for task, findings in TASKS.items():
        digits = random.integers(0, 2, (IMAGES, len(findings)))
        digits[:2] = [[0], [1]]
        labels = ["".join(map(str, row)) for row in digits]
        tables.append(
            pd.DataFrame({"task": task, "labels": labels, "row": range(IMAGES), "height": SIDE, "width": SIDE})
        )
        arrays[task] = random.integers(0, 256, (IMAGES, SIDE, SIDE, 1 if task == "chest" else 3), dtype=np.uint8)
    return pd.concat(tables, ignore_index=True), arrays


def experiment(task: str, shots: int, number: int) -> Experiment:
    """Images to learn from, the first two always among them, and all others to score."""
    drawn = 2 + np.random.default_rng([shots, number]).permutation(IMAGES - 2)
    support, scored = np.r_[0, 1, drawn[: SUPPORT[shots] - 2]], drawn[SUPPORT[shots] - 2 :]
    return Experiment("sound", task, shots, number, support, scored, scored[:0])
