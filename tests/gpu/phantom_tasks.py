"""Each study's training task on phantoms in memory, small enough for a CPU: network, task and recipe."""

from functools import cache
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from acdc.learning.networks import heart_network
from acdc.learning.slice_tasks import HeartSource, sound_task
from echonet.learning.ef_task import clip_regression_task
from echonet.learning.segmentation_network import segmentation_network
from echonet.learning.segmentation_task import segmentation_task
from echonet.learning.video_network import video_network
from echonet.phantom.echocardiogram import Echocardiogram, film
from iseg.learning.crop_task import crop_task
from iseg.learning.crops import Crops, Subject
from iseg.learning.networks import tissue_network
from iseg.learning.normalisation import normalised
from iseg.learning.places import published_places
from iseg.phantom import infant_brain
from medfm.analysis.protocols import TASKS
from medfm.learning.networks import finding_network
from medfm.learning.task import finding_task
from medfm.phantom.findings_drawn import drawn
from mslesion.learning.block_task import block_task
from mslesion.learning.networks import lesion_network
from mslesion.learning.slice_tasks import SliceSource, slice_task, window_task
from mslesion.learning.windows import scan_windows
from mslesion.phantom import brain
from reprise.data.phantom_voxels import make_grid
from reprise.data.slices import cut_or_pad, standardise
from reprise.models.weights import channels_last
from reprise.training.learner import Learner, learner_of
from reprise.training.processes import Processes
from reprise.training.task import Task

FRAMES, FILMS, TRAINED = 64, 19, 16
HEARTS = 28
BRAIN, SPACING_MM, SCANS = (32, 48, 20), (4.5, 4.0, 7.0), 3
SIDES = (64, 64)
ENDOSCOPIES, ENDOSCOPY = 40, 64
NARROW = {
    "densenet121": {"growth_rate": 8},
    "vit_base_patch16_224": {"depth": 3, "embed_dim": 96, "num_heads": 3},
}
INFANTS, INFANT, INFANT_MM, CROP = 3, (36, 40, 32), 4.0, (32, 16, 16)
NORMALISATION = {"mean": [40.0], "std": [50.0]}
COMMON: dict[str, Any] = {"seed": 0, "precision": "fp32", "epochs": 2, "decay": {"every_epochs": None, "factor": 1}}
EF = {"frames": 8, "period": 4, "pad": 12, "downsample": 4, "validation_clips": 2}
# Such that some steps change the loss, but rounding does not soon change it as much.
RATES = {
    "r2plus1d_18": 3e-6,
    "deeplabv3_resnet50": 1e-6,
    "fc_densenet67": 1e-4,
    "unet_2d": 3e-5,
    "unet_3d": 1e-4,
    "unet": 1e-5,
    "unet3d": 1e-4,
    "densenet121": 1e-5,
    "vit_base_patch16_224": 1e-5,
}
NETWORKS = tuple(RATES)


class Example(NamedTuple):
    """A network on its device, and what trains it."""

    model: nn.Module
    task: Task
    settings: dict[str, Any]

    def learner(self, compile_mode: str | None = None) -> Learner:
        """Ready to train."""
        return learner_of(self.model.train(), self.task, self.settings, Processes(0, 1), compile_mode)


def example(network: str, device: torch.device, **changes: Any) -> Example:
    """A narrow network with the same weights on each device, and its task."""
    if network == "unet":
        pytest.importorskip("segmentation_models_pytorch", reason="its U-Net is not here")
    elif network in ("unet_2d", "unet_3d"):
        pytest.importorskip("monai", reason="no MONAI here, from which the U-Nets come")
    elif network in NARROW:
        pytest.importorskip("timm", reason="no timm here, from which the networks come")
    optimiser = {"name": "adamw", "lr": RATES.get(network, 1e-4), "momentum": 0.9, "weight_decay": 0.0}
    batch_size = 4 if network in ("fc_densenet67", "unet_3d", "unet3d") else 8
    settings = COMMON | {"optimiser": optimiser, "batch_size": batch_size, "block": [16, 32, 32], "blocks_a_scan": 4}
    settings |= (EF if network == "r2plus1d_18" else {}) | changes
    torch.manual_seed(0)
    if network == "r2plus1d_18":
        model, task = video_network(network, 0.125), clip_task(settings, device)
    elif network == "deeplabv3_resnet50":
        model, task = segmentation_network(network, 0.125), pair_task(settings, device)
    elif network == "unet":
        model, task = heart_network(network, 0.125), heart_task(settings, device)
    elif network == "unet3d":
        model, task = tissue_network(network, 0.25), tissue_task(settings, device)
    elif network in NARROW:
        model, task = finding_network(network, 4, ENDOSCOPY, NARROW[network]), endoscopy_task(settings, device)
    else:
        model, task = lesion_network(network, 0.17), lesion_task(network, settings, device)
    return Example(channels_last(model.to(device)), task, settings)


def clip_task(settings: dict[str, Any], device: torch.device) -> Task:
    """EF of the films; the last ones validate."""
    frames, cases = stored_films()
    return clip_regression_task(frames, cases[:TRAINED], cases[TRAINED:], "ef", NORMALISATION, settings, device)


def pair_task(settings: dict[str, Any], device: torch.device, count: int = FILMS, trained: int = TRAINED) -> Task:
    """The ventricle at end-diastole and end-systole of so many films; those that are not trained on validate."""
    pairs = [traced_pair(number) for number in range(count)]
    images, masks = (np.stack(parts) for parts in zip(*pairs, strict=True))
    split = np.split(np.arange(count), [trained])
    return segmentation_task(images, masks, *split, NORMALISATION, settings, device)


def lesion_task(network: str, settings: dict[str, Any], device: torch.device) -> Task:
    """Lesions of the scans; the last one validates."""
    images, masks, scans = (part.to(device) if isinstance(part, torch.Tensor) else part for part in stored_scans())
    source = SliceSource(images, masks, scans, settings)
    if network == "unet_3d":
        return block_task(source, np.arange(SCANS - 1), np.array([SCANS - 1]), "val_error")
    windows, val = scan_windows(np.bincount(scans)), scans == SCANS - 1
    task = window_task if network.startswith("fc") else slice_task
    return task(source, windows[~val], windows[val], "val_error")


def heart_task(settings: dict[str, Any], device: torch.device) -> Task:
    """Structures of made-up hearts; the last ones validate."""
    images, labels = (part.to(device) for part in stored_hearts())
    trained, val = np.split(np.arange(HEARTS), [HEARTS - 4])
    source = HeartSource(images, labels, settings | {"snapshots": 1})
    return sound_task(source, trained, val, np.arange(HEARTS))


def tissue_task(settings: dict[str, Any], device: torch.device) -> Task:
    """Tissues of infants' brains, on crops as published, each by its own voxels; the last brain validates."""
    brains = [Subject(name, image.to(device), labels.to(device)) for name, image, labels in stored_infants()]
    parts = brains[:-1], brains[-1:]
    labels = [{brain.name: brain.labels.cpu().numpy() for brain in part} for part in parts]
    places = published_places(labels, CROP, (16, 4), 0.1, 0)
    train, val = (Crops(part, where, CROP, "crop") for part, where in zip(parts, places, strict=True))
    return crop_task(train, val, settings | {"dice": "squared"})


def endoscopy_task(settings: dict[str, Any], device: torch.device) -> Task:
    """Findings in made-up endoscopy images."""
    cases, images = stored_endoscopies()
    return finding_task("endo", "by_challenge", cases, images, settings | {"size": ENDOSCOPY}, device)


@cache
def filmed(number: int) -> Echocardiogram:
    """A film."""
    return film(np.random.default_rng([7, number]), FRAMES)


@cache
def stored_films() -> tuple[np.ndarray, pd.DataFrame]:
    """All frames (N, 112, 112, 1) of the films, and a row for each film."""
    films = [filmed(number) for number in range(FILMS)]
    volumes = [each.volumes_ml for each in films]
    ef = [100 * (1 - volume.min() / volume.max()) for volume in volumes]
    cases = pd.DataFrame({"offset": FRAMES * np.arange(FILMS), "frames": FRAMES, "ef": ef})
    return np.concatenate([each.frames for each in films])[..., None], cases


def traced_pair(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (2, 112, 112, 1) of a film's first end-diastole and end-systole, and the ventricle's masks there."""
    shown = filmed(number)
    at = shown.beats[0]
    masks = np.zeros((2, *shown.frames.shape[1:]), np.uint8)
    for mask, chords in zip(masks, shown.tracings[at, 1:], strict=True):
        outline = np.concatenate([chords[:, :2], chords[::-1, 2:]])
        cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 1)
    return shown.frames[at][..., None], masks


@cache
def stored_scans() -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Slices (N, 64, 64) of a phantom's FLAIR scans, their lesions, and the scan that each slice is of."""
    grid, images, masks = make_grid(BRAIN, SPACING_MM), [], []
    for scan in range(SCANS):
        random = np.random.default_rng([3, scan])
        head = brain.draw_brain(random, grid)
        lesions = brain.draw_lesions(random, head, grid, 20, (6.0, 14.0), timepoints=2)
        distance = brain.border_distance(lesions, 1, grid)
        flair = np.moveaxis(brain.acquire(random, head, distance, grid, "flair"), -1, 0)
        images.append(standardise(cut_or_pad(torch.from_numpy(flair.copy()), SIDES)))
        masks.append(cut_or_pad(torch.from_numpy(np.moveaxis(distance < 0, -1, 0).astype(np.uint8)), SIDES))
    return torch.cat(images), torch.cat(masks), np.repeat(np.arange(SCANS), BRAIN[2])


@cache
def stored_infants() -> list[tuple[str, torch.Tensor, torch.Tensor]]:
    """Name, T1 and T2 (2, X, Y, Z), and labels of a phantom's infants."""
    grid, found = make_grid(INFANT, [INFANT_MM] * 3), []
    for number in range(INFANTS):
        random = np.random.default_rng([11, number])
        labels = infant_brain.draw_labels(random, grid)
        images = [infant_brain.acquire(random, labels, grid, name) for name in infant_brain.SIGNAL]
        raw = torch.stack([normalised(image, "crop") for image in images])
        found.append((f"infant{number}", raw, torch.from_numpy(labels)))
    return found


@cache
def stored_endoscopies() -> tuple[pd.DataFrame, np.ndarray]:
    """A row for each image, and the images (N, 64, 64, 3) as squares; each finding is in every fourth."""
    random = np.random.default_rng(13)
    labels = [[int(number % 4 == finding) for finding in range(len(TASKS["endo"]))] for number in range(ENDOSCOPIES)]
    shown = [drawn(random, random, "endo", each, ENDOSCOPY)[0] for each in labels]
    images = np.stack([cv2.resize(image, SIDES, interpolation=cv2.INTER_AREA) for image in shown])
    cases = pd.DataFrame({"labels": ["".join(map(str, each)) for each in labels], "row": range(ENDOSCOPIES)})
    parts = ["train_20"] * (ENDOSCOPIES - 16) + ["val_20"] * 8 + ["test_WithLabel"] * 8
    cases = cases.assign(task="endo", group=cases["row"].astype(str), labelled=1, part=parts)
    return cases.assign(height=ENDOSCOPY, width=ENDOSCOPY * 5 // 4), images


@cache
def stored_hearts() -> tuple[torch.Tensor, torch.Tensor]:
    """Slices (N, 64, 64) with two cavities and a wall between them, and their labels."""
    random = np.random.default_rng(5)
    y, x = np.mgrid[: SIDES[0], : SIDES[1]]
    centre, radius = random.uniform(26, 38, (HEARTS, 2, 1, 1)), random.uniform(6, 12, (HEARTS, 1, 1))
    from_left, from_right = (np.hypot(y - centre[:, 0], x - centre[:, 1] + at) for at in (0, 16))
    labels = np.where(from_right < radius, 1, 0)
    labels = np.where(from_left < radius + 4, 2, labels)
    labels = np.where(from_left < radius, 3, labels).astype(np.uint8)
    images = np.array([0.0, 1.5, -0.5, 2.0])[labels] + random.normal(0, 0.3, labels.shape)
    return torch.from_numpy(images).float(), torch.from_numpy(labels)
