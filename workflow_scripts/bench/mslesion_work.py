"""The trainings and long predictions of the study `mslesion`, on its store or on made-up scans of the same size."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from work import Prediction, StudyData, Training, data_of

from mslesion.analysis.protocols import CHOSEN_BY, PROTOCOLS, splits, windows
from mslesion.data.conversion import slices_with_lesion
from mslesion.learning.block_task import block_task
from mslesion.learning.networks import BLOCK, COMPILED, WINDOW, input_of, lesion_network
from mslesion.learning.scan_inputs import OF_VOLUME, brain_slices
from mslesion.learning.scan_prediction import segment_scan
from mslesion.learning.slice_tasks import SliceSource, slice_task, window_task
from reprise.data.store import slices_of
from reprise.models.weights import channels_last
from reprise.training.task import Task

PATIENTS = (4, 4, 5, 4, 4)  # scans of each, as in the training data of ISBI 2015
WITH_LESION = 0.5  # of the slices of a scan: about 2,000 in the published data set


def mslesion_work(
    settings: Mapping[str, Any], models: Mapping[str, list[str]], seeds: int, precision: str, where: str
) -> tuple[str, Iterator[Training | Prediction]]:
    """What the study computes with networks, and where the sizes are from; the arguments are `echonet_work`'s."""
    data = data_of("mslesion", where, partial(made_up, settings["phantom"]["shape"]))
    more = {"seed": 0, "precision": precision}
    return data.source, _work(data, settings, models, seeds, more)


def made_up(shape: tuple[int, int, int]) -> StudyData:
    """The scans of five patients: all of them the same noise in memory, of which the middle slices have a lesion.

    Args:
        shape: of a volume: columns, rows, slices.
    """
    width, height, slices = shape
    patients = np.repeat(np.arange(len(PATIENTS)), PATIENTS)
    cases = pd.DataFrame({"patient": patients.astype(str), "slices": slices, "height": height, "width": width})
    cases = cases.assign(case=cases.index.astype(str), offset=0, fold=0)
    rng = np.random.default_rng(0)
    flair = rng.integers(0, 255, (slices, height, width)).astype(np.float32)
    mask = np.zeros(flair.shape, np.uint8)
    edge = round(slices * (1 - WITH_LESION) / 2)
    mask[edge : slices - edge, height // 2, width // 2] = 1
    arrays = {"flair": flair.reshape(-1), "mask1": mask.reshape(-1)}
    return StudyData(
        cases, arrays, f"{len(cases)} made-up scans of {slices}x{height}x{width}, half of each with lesions"
    )


def _work(
    data: StudyData, settings: Mapping[str, Any], models: Mapping[str, list[str]], seeds: int, more: dict[str, Any]
) -> Iterator[Training | Prediction]:
    general = {"folds": settings["folds"]}
    protocols = [name for name in PROTOCOLS if name != "by_patient" or settings["leak_control"]]
    recipes = {(name, way): settings["training"] for name in models["lesions"] for way in protocols}
    recipes |= {(name, "sound"): settings["baselines"][name] for name in models["baselines"]}
    for (network, protocol), part in recipes.items():
        size = None if protocol == "sound" else settings["size"]
        recipe = general | part | more | {"network": network, "size": size}
        make = partial(lesion_training, data, protocol)
        yield Training(f"train {network}, {protocol}", seeds * settings["folds"], recipe, make, COMPILED)
        make_scan = partial(_segmenting, data, recipe)
        yield Prediction(f"segment scans {network}, {protocol}", seeds, len(data.cases), 1, make_scan)


def lesion_training(
    data: StudyData, protocol: str, recipe: Mapping[str, Any], device: torch.device
) -> tuple[nn.Module, Task]:
    """Network and task of the first fold as `mslesion/train.py` has them."""
    source = SliceSource(
        *brain_slices(data.cases, data.arrays, recipe.get("size"), _normalisation(recipe), device), recipe
    )
    split = splits(data.cases, protocol, recipe["folds"], 1)
    model = channels_last(lesion_network(recipe["network"], recipe["width"]).to(device))
    if input_of(recipe["network"]) == BLOCK:
        train, val = (np.flatnonzero(split == part) for part in ("train", "val"))
        return model, block_task(source, train, val, CHOSEN_BY[protocol])
    task = window_task if input_of(recipe["network"]) == WINDOW else slice_task
    seen = windows(data.cases, slices_with_lesion(data.cases, data.arrays), split, protocol)
    return model, task(source, *seen, CHOSEN_BY[protocol])


def _segmenting(data: StudyData, recipe: Mapping[str, Any], device: torch.device) -> Callable[[int], object]:
    model = lesion_network(recipe["network"], recipe["width"]).to(device).eval()
    info = {"network": recipe["network"], "normalisation": _normalisation(recipe), "size": recipe.get("size")}
    scan = slices_of(data.arrays["flair"], data.cases.iloc[0])
    return lambda scans: [segment_scan(model, info | {"settings": recipe}, scan, device) for _ in range(scans)]


def _normalisation(recipe: Mapping[str, Any]) -> Any:
    return recipe["normalisation"] if input_of(recipe["network"]) == WINDOW else OF_VOLUME
