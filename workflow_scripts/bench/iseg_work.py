"""The trainings and long predictions of the study `iseg`, on its store or on made-up brains of the same size."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from work import Prediction, StudyData, Training, data_of

from iseg.analysis.protocols import PROTOCOLS, PUBLISHED, split_of
from iseg.data.conversion import volume_of
from iseg.learning.networks import COMPILED, tissue_network
from iseg.learning.prediction import tissue_labels
from iseg.learning.protocol_tasks import task_of
from reprise.models.weights import channels_last
from reprise.training.task import Task


def iseg_work(
    settings: Mapping[str, Any], models: Mapping[str, list[str]], seeds: int, precision: str, where: str
) -> tuple[str, Iterator[Training | Prediction]]:
    """What the study computes with networks, and where the sizes are from; the arguments are `echonet_work`'s."""
    data = data_of("iseg", where, partial(made_up, settings["phantom"]))
    return data.source, _work(data, settings, models, seeds, {"seed": 0, "precision": precision})


def made_up(phantom: Mapping[str, Any]) -> StudyData:
    """As many subjects as the phantom has: the same noise in memory, with labels in the middle half of each axis."""
    parts = {"training": phantom["labelled"], "testing": phantom["unlabelled"]}
    shape = phantom["shape"]
    cases = pd.DataFrame({"official": [name for name, count in parts.items() for _ in range(count)]})
    numbers = np.arange(1, len(cases) + 1)
    cases = cases.assign(case=[f"subject-{number}" for number in numbers], subject=numbers, offset=0)
    cases = cases.assign(labelled=(cases["official"] == "training").astype(int), x=shape[0], y=shape[1], z=shape[2])
    rng = np.random.default_rng(0)
    labels = np.zeros(shape, np.uint8)
    middle = tuple(slice(side // 4, side - side // 4) for side in shape)
    labels[middle] = rng.integers(1, 4, labels[middle].shape)
    image = (labels * rng.integers(100, 200, shape)).astype(np.int16).reshape(-1)
    arrays = {"t1": image, "t2": image, "labels": labels.reshape(-1)}
    return StudyData(cases, arrays, f"{len(cases)} made-up brains of {'x'.join(map(str, shape))}")


def _work(
    data: StudyData, settings: Mapping[str, Any], models: Mapping[str, list[str]], seeds: int, more: dict[str, Any]
) -> Iterator[Training | Prediction]:
    general = {name: settings[name] for name in ("width", "folds")} | more
    runs = [(name, protocol) for name in models["networks"] for protocol in PROTOCOLS]
    runs += [(name, "sound") for name in models["baselines"]]
    tests = int((data.cases["labelled"] == 0).sum())
    for network, protocol in runs:
        recipe = settings[PUBLISHED.get(protocol, protocol)] | general | {"network": network}
        folds = 1 if protocol in PUBLISHED else settings["folds"]
        make = partial(_training, data, protocol)
        yield Training(f"train {network}, {protocol}", seeds * folds, recipe, make, COMPILED)
        scored, predict = _scored(data.cases, protocol, settings["folds"]), partial(_volumes, data, recipe)
        yield Prediction(f"segment volumes {network}, {protocol}", seeds, scored, 1, predict)
        if protocol == "sound" and tests:  # by the networks of all folds
            yield Prediction(f"segment test {network}, sound", seeds, tests * folds, 1, predict)


def _scored(cases: pd.DataFrame, protocol: str, folds: int) -> int:
    """How many volumes the networks of all folds are scored on."""
    if protocol in PUBLISHED:
        return int((split_of(cases, protocol, 1, folds) == "val").sum())
    return int(cases["labelled"].sum())


def _training(
    data: StudyData, protocol: str, recipe: Mapping[str, Any], device: torch.device
) -> tuple[nn.Module, Task]:
    """Network and task of the first fold as `iseg/train.py` has them."""
    model = channels_last(tissue_network(recipe["network"], recipe["width"]).to(device))
    return model, task_of(protocol, 1, data.cases, data.arrays, recipe, device)


def _volumes(data: StudyData, recipe: dict[str, Any], device: torch.device) -> Callable[[int], object]:
    model = channels_last(tissue_network(recipe["network"], recipe["width"]).to(device)).eval()
    t1, t2 = (volume_of(data.arrays[name], data.cases.iloc[0]) for name in ("t1", "t2"))
    return lambda count: [tissue_labels([(model, {"settings": recipe})], t1, t2, device) for _ in range(count)]
