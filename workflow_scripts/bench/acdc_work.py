"""The trainings and long predictions of the study `acdc`, on its store or on made-up stacks of the same size."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from work import Prediction, StudyData, Training, data_of

from acdc.analysis.protocols import PHASES, splits
from acdc.data.conversion import slices_of
from acdc.learning.networks import COMPILED, heart_network
from acdc.learning.prediction import FLIPS, flipped_mean, probabilities_of
from acdc.learning.protocol_tasks import task_of
from acdc.learning.slice_tasks import SLICES_AT_A_TIME
from reprise.models.weights import channels_last
from reprise.training.task import Task

SLICES, SLICE_MM = 10, 10.0  # of a stack, as most of the data set's
GROUPS = ("NOR", "MINF", "DCM", "HCM", "RV")


def acdc_work(
    settings: Mapping[str, Any], models: Mapping[str, list[str]], seeds: int, precision: str, where: str
) -> tuple[str, Iterator[Training | Prediction]]:
    """What the study computes with networks, and where the sizes are from; the arguments are `echonet_work`'s."""
    data = data_of("acdc", where, partial(made_up, settings["phantom"]))
    return data.source, _work(data, settings, models, seeds, {"seed": 0, "precision": precision})


def made_up(phantom: Mapping[str, Any]) -> StudyData:
    """Both phases of all patients, as many as the phantom has: the same noise in memory, with all labels in it."""
    parts = ["training"] * phantom["training"] + ["testing"] * phantom["testing"]
    patients = pd.DataFrame({"official": parts}).merge(pd.DataFrame({"group": GROUPS}), how="cross")
    patients = patients.assign(patient=patients.index.astype(str)).merge(pd.DataFrame({"phase": PHASES}), how="cross")
    size, mm = phantom["size"], phantom["spacing_mm"]
    sizes: dict[str, Any] = {"offset": 0, "slices": SLICES, "height": size, "width": size}
    sizes |= {"slice_mm": SLICE_MM, "row_mm": mm, "column_mm": mm}
    cases = patients.assign(case=patients["patient"] + patients["phase"], **sizes)
    rng = np.random.default_rng(0)
    shape = SLICES * size * size
    arrays = {"image": rng.integers(0, 255, shape).astype(np.int16), "labels": rng.integers(0, 4, shape, np.uint8)}
    return StudyData(cases, arrays, f"{len(cases)} made-up stacks of {SLICES}x{size}x{size}")


def published(cases: pd.DataFrame, slices: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """As many slices as the published protocol makes of these cases, all black."""
    counts = {}
    for part, draws in (("training", slices["draws"]), ("testing", slices["test_draws"])):
        counts[part] = ((cases["official"] == part).sum() + 5 * draws) * (slices["slices"] // 2)
    val = round(counts["training"] * slices["validation"])
    numbers = {"train": counts["training"] - val, "val": val, "test": counts["testing"]}
    table = pd.DataFrame({"split": [name for name, count in numbers.items() for _ in range(count)]})
    shape = (len(table), slices["size"], slices["size"])
    return table, {"image": np.zeros(shape, np.float32), "labels": np.zeros(shape, np.uint8)}


def _work(
    data: StudyData, settings: Mapping[str, Any], models: Mapping[str, list[str]], seeds: int, more: dict[str, Any]
) -> Iterator[Training | Prediction]:
    grid, slices, training = settings["grid"], settings["slices"], settings["training"]
    sound = {"size": grid["size"], "normalisation": {"spacing_mm": grid["spacing_mm"]}, **more}
    sound |= {"validation": settings["validation"], "snapshots": settings["snapshots"]}
    as_published = sound | {"size": slices["size"]}
    stacks = int((splits(data.cases, settings["validation"]) != "train").sum())
    for network in models["segmentation"]:
        recipe = training | {"network": network, "epochs": training["epochs"][network]}
        table, arrays = published(data.cases, slices)
        make = partial(_training, "published", table, arrays)
        yield Training(f"train {network}, published", seeds, recipe | as_published, make, COMPILED)
        test, predict = int((table["split"] == "test").sum()), partial(_slices, recipe | as_published)
        yield Prediction(f"predict slices {network}, published", seeds, test, SLICES_AT_A_TIME, predict)
        # Each stack is predicted as it is, in each way that it can be flipped, and by each snapshot.
        yield from _by_sound(data, recipe | sound, seeds, stacks * (1 + len(FLIPS) + settings["snapshots"]))
    for network in models["baselines"]:
        recipe = settings["baselines"][network] | sound | {"network": network, "snapshots": 0}
        yield from _by_sound(data, recipe, seeds, stacks)


def _by_sound(data: StudyData, recipe: dict[str, Any], seeds: int, stacks: int) -> Iterator[Training | Prediction]:
    network, make = recipe["network"], partial(_training, "sound", data.cases, data.arrays)
    yield Training(f"train {network}, sound", seeds, recipe, make, COMPILED)
    yield Prediction(f"predict stacks {network}, sound", seeds, stacks, 1, partial(_stacks, data, recipe))


def _training(
    protocol: str, cases: pd.DataFrame, arrays: dict[str, np.ndarray], recipe: Mapping[str, Any], device: torch.device
) -> tuple[nn.Module, Task]:
    """Network and task as `acdc/train.py` has them."""
    model = channels_last(heart_network(recipe["network"], recipe["width"]).to(device))
    return model, task_of(protocol, cases, arrays, recipe, device)


def _slices(recipe: dict[str, Any], device: torch.device) -> Callable[[int], object]:
    model = channels_last(heart_network(recipe["network"], recipe["width"]).to(device)).eval()
    images = torch.zeros(SLICES_AT_A_TIME, 1, recipe["size"], recipe["size"], device=device)

    def predict(count: int) -> torch.Tensor:
        with torch.inference_mode():
            return flipped_mean(model, {"network": recipe["network"], "settings": recipe}, images[:count], FLIPS[:1])

    return predict


def _stacks(data: StudyData, recipe: dict[str, Any], device: torch.device) -> Callable[[int], object]:
    model = channels_last(heart_network(recipe["network"], recipe["width"]).to(device)).eval()
    info, case = recipe | {"settings": recipe}, data.cases.iloc[0]
    stack, spacing = slices_of(data.arrays["image"], case), case[["slice_mm", "row_mm", "column_mm"]].tolist()
    return lambda count: [probabilities_of(model, info, stack, spacing, device) for _ in range(count)]
