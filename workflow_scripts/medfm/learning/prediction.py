"""Probabilities of findings by a trained network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from medfm.analysis.protocols import TASKS, outputs_of, split_of
from medfm.learning.images import Images, evaluation_batch, images_of
from medfm.learning.networks import finding_network
from reprise.inference.network import in_batches
from reprise.models.weights import load_model, read_info
from reprise.step.device import autocast
from reprise.step.errors import InputError

KIND = "findings"  # of the weights
IMAGES_AT_A_TIME = 32


def load_finding_network(path: Path, device: torch.device) -> tuple[nn.Module, dict[str, Any]]:
    """A trained network in evaluation mode, and the info of its weights: task, size, settings.

    Raises:
        InputError: see `load_model`; or weights of a task that is not there, or with arguments that timm does not take.
    """
    info = read_info(path, "task", "size", "settings.precision", "settings.arguments", kind=KIND)
    if info["task"] not in TASKS:
        raise InputError(f"{path}: expected weights of one of {', '.join(TASKS)}, found {info['task']}")

    def build(network: str, width: float) -> nn.Module:
        return finding_network(network, outputs_of(info["task"]), info["size"], info["settings"]["arguments"])

    return load_model(path, device, KIND, build)


def scores_of(
    model: nn.Module, info: Mapping[str, Any], images: Images, rows: np.ndarray, device: torch.device
) -> np.ndarray:
    """Probabilities (N, findings) float64 of images, by their rows.

    Args:
        model: in evaluation mode, on the device.
        info: of its weights.
        images: of the task.
        rows: (N,) of the images.
        device: where the model is.

    Raises:
        InputError: the GPU's memory is too small for one image.
    """
    settings = info["settings"] | {"size": info["size"]}

    def compute(chunk: slice) -> Tensor:
        return probabilities_of(model, info["task"], images, rows[chunk], settings, device)

    return torch.cat([*in_batches(len(rows), IMAGES_AT_A_TIME, compute, device)]).numpy()


def scored_images(
    model: nn.Module, info: Mapping[str, Any], cases: pd.DataFrame, array: np.ndarray, device: torch.device
) -> pd.DataFrame:
    """Probabilities of the images that a protocol leaves for scores: case, split, and a column for each finding.

    Args:
        model: in evaluation mode, on the device.
        info: of its weights.
        cases: the store's, of the task.
        array: the store's, of the task.
        device: where the model is.
    """
    settings = info["settings"]
    split = split_of(cases, info["protocol"], settings["seed"], settings)
    test = cases[split == "test"]
    scores = scores_of(model, info, images_of(cases, array, device), test["row"].to_numpy(), device)
    table = pd.DataFrame(scores, columns=TASKS[info["task"]])
    table.insert(0, "case", test["case"].to_numpy())
    table.insert(1, "split", "test")
    return table


def probabilities_of(
    model: nn.Module, task: str, images: Images, rows: np.ndarray, settings: Mapping[str, Any], device: torch.device
) -> Tensor:
    """Probabilities (B, findings) float64 of a few images, by their rows.

    Args:
        model: in evaluation mode, on the device.
        task: chest, colon or endo.
        images: of the task.
        rows: (B,) of the images.
        settings: `size`, `precision`, and `resize` if a centre is cut out.
        device: where the model is.
    """
    batch = evaluation_batch(images, rows, settings["size"], settings.get("resize"), device)
    with autocast(device, settings["precision"]):
        return probabilities(task, model(batch))


def probabilities(task: str, logits: Tensor) -> Tensor:
    """Probabilities (B, findings) float64 from logits (B, outputs); of the colon only that of a tumour."""
    values = logits.double()
    return values.softmax(dim=1)[:, 1:] if task == "colon" else values.sigmoid()
