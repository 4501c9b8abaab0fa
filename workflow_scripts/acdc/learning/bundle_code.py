"""A heart network in a bundle: from stacks and cines to labels, as the study's steps compute them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from acdc.data.own_folder import OwnStack, find_stacks, read_again
from acdc.data.own_stacks import Stack, label_files
from acdc.learning.answers import Network, Networks, labels_of
from acdc.learning.prediction import FLIPS, flipped_mean, load_heart_network
from acdc.learning.published_slices import resized, stretched
from reprise.models.weights import read_info

find = find_stacks


def load(path: Path, device: torch.device) -> tuple[nn.Module, dict[str, Any]]:
    """The network, trained by whichever protocol, and the info of its weights."""
    return load_heart_network(path, device, str(read_info(path).get("protocol")))


def read(case: OwnStack, info: Mapping[str, Any]) -> dict[str, Any]:
    """The frames of a stack (T, N, H, W), and what is odd about it."""
    stack = read_again(case)
    return {"case": case.case, "image": stack, "notes": stack.notes}


def infer(inputs: Mapping[str, Any], network: nn.Module, info: Mapping[str, Any], device: torch.device) -> np.ndarray:
    """Labels (T, N, H, W) uint8 on the grid of the stack; by `published`, of the slices that it makes."""
    stack: Stack = inputs["image"]
    if info["protocol"] == "published":
        return np.stack([_of_published(frame, network, info, device) for frame in stack.frames])
    alone = {"alone": Network(network, dict(info), 1.0, "")}
    return labels_of(Networks(alone, "equal", device), stack)["alone"]


def save(folder: Path, inputs: Mapping[str, Any], pred: np.ndarray) -> None:
    """Write the labels: 1 the right ventricle, 2 the myocardium, 3 the left ventricle.

    On the grid of the stack they are NIfTI, without the free text of its header; else an array `labels`.
    """
    stack, case = inputs["image"], inputs["case"]
    if pred.shape != stack.frames.shape:
        np.savez_compressed(folder / f"{case}.npz", labels=pred)
        return
    files = label_files(stack, pred)
    for place, content in enumerate(files, start=1):
        ending = f"-{place}" if len(files) > 1 else ""
        (folder / f"{case}{ending}.nii.gz").write_bytes(content)


def _of_published(frame: np.ndarray, network: nn.Module, info: Mapping[str, Any], device: torch.device) -> np.ndarray:
    """Labels (n, size, size) of the slices that the published protocol makes of a frame (N, H, W)."""
    case = dict(zip(("slices", "height", "width"), frame.shape, strict=True)) | {"offset": 0}
    arrays = {"image": frame.reshape(-1), "labels": np.zeros(frame.size, np.uint8)}
    volume = resized(arrays, case, {"slices": info["normalisation"]["slices"], "size": info["size"]})
    images = torch.from_numpy(stretched(volume.image)[1::2].astype(np.float32)).to(device)
    with torch.inference_mode():
        probabilities = flipped_mean(network, info, images[:, None], FLIPS[:1])
    return probabilities.argmax(dim=1).to(torch.uint8).cpu().numpy()
