"""The trainings and long predictions of the study `medfm`, on its store or on made-up images of the same size."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from work import Prediction, StudyData, Training, data_of

from medfm.analysis.few_shot import TUNED
from medfm.analysis.protocols import PROTOCOLS, PUBLISHED, TASKS, of_task, outputs_of
from medfm.learning.few_shot_task import Shots, few_shot_task
from medfm.learning.images import evaluation_batch, images_of
from medfm.learning.networks import COMPILED, RANDOM, finding_network
from medfm.learning.task import finding_task
from medfm.learning.tuning import tuned
from medfm.phantom.made_up_truth import made_up, support_images
from reprise.models.weights import channels_last
from reprise.training.task import Task

AT_A_TIME = 16  # images whose features are computed together


def medfm_work(
    settings: Mapping[str, Any], models: Mapping[str, list[str]], seeds: int, precision: str, where: str
) -> tuple[str, Iterator[Training | Prediction]]:
    """What the study computes with networks, and where the sizes are from; the arguments are `echonet_work`'s."""
    data = data_of("medfm", where, partial(made_up_images, settings["phantom"], settings["store_size"]))
    return data.source, _work(data, settings, models, seeds, {"seed": 0, "precision": precision})


def made_up_images(phantom: Mapping[str, Any], side: int) -> StudyData:
    """As many images as the phantom has, with its labels; all images of a task are the same noise in memory."""
    rng = np.random.default_rng(0)
    tables = [made_up(rng, task, count) for task, count in phantom["images"].items()]
    cases = pd.concat([table.assign(row=range(len(table))) for table in tables], ignore_index=True)
    by_task = cases.groupby("task")
    labels = [rows[list(TASKS[str(task)])].astype(int).astype(str).agg("".join, axis=1) for task, rows in by_task]
    cases = cases.assign(labels=pd.concat(labels), labelled=1)
    cases = cases.assign(case=cases["image"], group=cases["study"], height=side, width=side)
    arrays = {}
    for task, count in phantom["images"].items():
        image = rng.integers(0, 255, (1, side, side, 1 if task == "chest" else 3), np.uint8)
        arrays[task] = np.broadcast_to(image, (count, *image.shape[1:]))
    return StudyData(cases, arrays, f"{len(cases)} made-up images of {side}x{side}")


def _work(
    data: StudyData, settings: Mapping[str, Any], models: Mapping[str, list[str]], seeds: int, more: dict[str, Any]
) -> Iterator[Training | Prediction]:
    for network in models["networks"]:
        for protocol in PROTOCOLS:
            recipe = _recipe(settings, network, protocol) | more
            for task in TASKS:
                make = partial(_training, data, protocol, task)
                yield Training(f"train {network}, {protocol}, {task}", seeds, recipe, make, COMPILED)
    for network in models["few_shot"]:
        yield from _few_shot(data, settings, network, seeds, more)


def _recipe(settings: Mapping[str, Any], network: str, protocol: str) -> dict[str, Any]:
    recipe = dict(settings[PUBLISHED.get(protocol, protocol)])
    known = recipe.pop("networks", {"other": {}})
    own = known[max((name for name in known if network.startswith(name)), key=len, default="other")]
    return recipe | own | {"network": network, "arguments": settings["arguments"].get(network, {})}


def _few_shot(
    data: StudyData, settings: Mapping[str, Any], network: str, seeds: int, more: dict[str, Any]
) -> Iterator[Training | Prediction]:
    part = settings["few_shot"]
    recipe = {name: part[name] for name in ("size", "epochs", "batch_size", "decay")} | more
    recipe |= {"network": network, "arguments": settings["arguments"].get(network, {})}
    features = partial(_features, data, recipe)
    yield Prediction(f"compute features {network}", 1, len(data.cases), AT_A_TIME, features)
    kind = max((name for name in part["prompts"] if network.startswith(name)), key=len, default="other")
    for method in (name for name in part["methods"] if name in TUNED):
        own = dict(part["prompts"][kind] if method.startswith("vpt") else part[method])
        ready = recipe | {"optimiser": part["optimiser"] | {"lr": own.pop("lr")}} | own
        sets = len(part["experiments"]) + (method == "vpt_shallow")  # by which the published experiment also runs
        for task in TASKS:
            images = of_task(data.cases, task)
            for shots in part["shots"]:
                make = partial(_tuning, data, method, task, shots)
                yield Training(f"{method} {network}, {task}, {shots} shots", seeds * sets, ready, make, COMPILED)
            scored = int(images["part"].isin(["test_WithLabel", "test_WithoutLabel"]).sum())
            jobs = seeds * sets * len(part["shots"])
            yield Prediction(f"score {method} {network}, {task}", jobs, scored, AT_A_TIME, features)


def _training(
    data: StudyData, protocol: str, task: str, recipe: Mapping[str, Any], device: torch.device
) -> tuple[nn.Module, Task]:
    """Network and task as `medfm/train.py` has them."""
    cases = of_task(data.cases, task)
    task_of = finding_task(task, protocol, cases, data.arrays[task], recipe, device)
    return _network(recipe, outputs_of(task), device), task_of


def _tuning(
    data: StudyData, method: str, task: str, shots: int, recipe: Mapping[str, Any], device: torch.device
) -> tuple[nn.Module, Task]:
    """Network and task as `medfm/tune.py` has them, on a support set of usual size."""
    cases = of_task(data.cases, task).reset_index(drop=True)
    digits = cases["labels"].str.pad(len(TASKS[task]), fillchar="0")
    truth = np.array([[int(digit) for digit in labels] for labels in digits], np.uint8)
    table = cases[["image", "group", "part"]].rename(columns={"group": "study"})
    table[list(TASKS[task])] = truth
    trainval = table[table["part"].isin(["train_20", "val_20"])]
    support = support_images(np.random.default_rng(0), trainval, task, shots)
    images = images_of(cases, data.arrays[task], device)
    known = Shots(task, images, cases["row"].to_numpy(), truth, recipe, device)
    positions = pd.Index(cases["image"]).get_indexer(support)
    model = tuned(_network(recipe, outputs_of(task), device), method, recipe)
    return model, few_shot_task(known, positions, None)


def _features(data: StudyData, recipe: Mapping[str, Any], device: torch.device) -> Callable[[int], object]:
    task = next(iter(TASKS))
    cases = of_task(data.cases, task)
    images, model = images_of(cases, data.arrays[task], device), _network(recipe, outputs_of(task), device).eval()
    rows = cases["row"].to_numpy()

    def compute(count: int) -> object:
        with torch.inference_mode():
            return model(evaluation_batch(images, rows[:count], recipe["size"], None, device))

    return compute


def _network(recipe: Mapping[str, Any], outputs: int, device: torch.device) -> nn.Module:
    made = finding_network(recipe["network"], outputs, recipe["size"], recipe["arguments"], RANDOM)
    return channels_last(made.to(device))
