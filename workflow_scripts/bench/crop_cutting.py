"""How fast crops for a training are there: from resident volumes, and as published, from files for each proposal."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from rows import Row, at_least, at_most, verdict

from iseg.data.conversion import FILE_LABELS, convert_dataset
from iseg.data.raw_subjects import check_dataset
from iseg.learning.crops import Crops, gathered
from iseg.learning.networks import tissue_network
from iseg.learning.protocol_tasks import PARTS, crops_as_published, subjects_by_part, task_of
from iseg.learning.volumes import subjects_of
from iseg.phantom.phantom_subjects import write_phantom
from reprise.data.store import Store, open_store
from reprise.engine.configuration import study_settings
from reprise.models.weights import channels_last
from reprise.training.timing import timed_steps

CUTTING = "crops a second for a training, all of them, against files read for each proposal (16 crops)"
WAITING = "% of a training step that crops take, UNET3D by master"
AT_A_TIME = 4  # as in training
PUBLISHED_CROPS = 16  # the published way takes half a second for each, so its rate is that of the first ones
STEPS = 2  # on a CPU
MOST_WAITING = 2  # percent
CPU = torch.device("cpu")


def crop_rows(folder: Path, device: torch.device) -> list[Row]:
    """Crops by the published protocol of the code, on a phantom of the release's size; and what a step waits for."""
    settings = study_settings("iseg", "published")
    recipe = settings["master"] | {"width": settings["width"], "network": "unet3d", "seed": 0, "precision": "fp32"}
    size = {name: settings["phantom"][name] for name in ("labelled", "shape")}
    write_phantom(folder / "brains", **size, unlabelled=0, seed=0, processes=1)
    checked = check_dataset(folder / "brains")
    convert_dataset(folder / "brains", checked.manifest, checked.cases, folder / "brain_store")
    store = open_store(folder / "brain_store")
    return [cutting_row(folder / "brains", store, recipe), waiting_row(store, recipe, device)]


def cutting_row(root: Path, store: Store, recipe: Mapping[str, Any]) -> Row:
    """Both ways must give the same bits. The volumes are read and normalised within the time."""
    began = time.perf_counter()
    chosen = subjects_by_part(store.cases, "by_master", 1, recipe)
    places = crops_as_published(chosen, store.arrays, recipe)
    normalisation, parts = recipe["normalisation"], []
    for part in PARTS:
        subjects = subjects_of(chosen[part], store.arrays, normalisation, CPU)
        parts.append(Crops(subjects, places[part], recipe["crop"], normalisation))
        every = np.arange(len(places[part].subjects))
        for at in every[::AT_A_TIME]:
            gathered(parts[-1], every[at : at + AT_A_TIME])
    ours = sum(len(crops.places.subjects) for crops in parts) / (time.perf_counter() - began)
    began = time.perf_counter()
    slow = [*published_crops(root, list(chosen["train"]["case"]), recipe)]
    row = at_least(CUTTING, ours, PUBLISHED_CROPS / (time.perf_counter() - began), 100)
    same = map(torch.equal, map(torch.stack, zip(*slow, strict=True)), gathered(parts[0], np.arange(PUBLISHED_CROPS)))
    return row._replace(ok=verdict(row.ok == "yes" and all(same)))


def published_crops(root: Path, names: list[str], recipe: Mapping[str, Any]) -> Any:
    """The first crops (2, x, y, z) of a training and their labels, as the published code makes them from files."""
    rule, side = recipe["crops"], np.array(recipe["crop"])
    random = np.random.RandomState(rule["seed"])
    folder = root / "iSeg-2017-Training"
    for _ in range(PUBLISHED_CROPS):
        name = names[random.randint(len(names))]
        share = 0.0
        while share < rule["least"]:
            labels = np.searchsorted(FILE_LABELS, opened(folder / f"{name}-label.img"))
            corner = [random.randint(length) for length in labels.shape - side]
            box = tuple(slice(first, first + length) for first, length in zip(corner, side, strict=True))
            share = (labels[box] > 0).sum() / (labels > 0).sum()
        image = torch.stack([whole(folder / f"{name}-{modality}.img")[box] for modality in ("T1", "T2")])
        yield image, torch.from_numpy(labels[box].astype(np.uint8))


def whole(path: Path) -> torch.Tensor:
    """A volume from its file, outliers clipped and normalised by all of its voxels."""
    values = opened(path)
    low, high = np.percentile(values, 0.1), np.percentile(values, 99.8)
    values[values < low], values[values > high] = low, high
    image = torch.from_numpy(values)
    return (image - image.mean()) / image.std()


def opened(path: Path) -> np.ndarray:
    """The voxels (X, Y, Z) float32 of an Analyze file."""
    image: Any = nibabel.load(path)
    return np.squeeze(image.get_fdata(dtype=np.float32))


def waiting_row(store: Store, recipe: dict[str, Any], device: torch.device) -> Row:
    """How much of a step goes by before its crops are there. A CPU loads nothing ahead, so there it is only shown."""
    model = channels_last(tissue_network(recipe["network"], recipe["width"]).to(device))
    task = task_of("by_master", 1, *store, recipe, device)
    if device.type == "cuda":
        return at_most(WAITING, 100 * timed_steps(model, task, recipe).data, MOST_WAITING)
    step = timed_steps(model, task, recipe, warm_up=1, count=STEPS).seconds
    began = time.perf_counter()
    for number in range(STEPS):
        task.load(np.arange(number, number + recipe["batch_size"]), 0)
    return Row(WAITING, 100 * (time.perf_counter() - began) / STEPS / step, None, None, "", "")
