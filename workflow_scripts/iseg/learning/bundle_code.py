"""A tissue network in a bundle: from T1 and T2 to a map of tissues, as the study's steps compute it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from iseg.data.conversion import on_store_axes
from iseg.data.own_brains import OwnBrain, find_brains, read_again
from iseg.data.own_tissues import write_own_tissues
from iseg.learning.prediction import Network, load_tissue_network, tissue_labels
from reprise.models.weights import read_info

find = find_brains


def load(path: Path, device: torch.device) -> Network:
    """The network, trained by whichever protocol, and the info of its weights."""
    return load_tissue_network(path, device, str(read_info(path).get("protocol")))


def read(case: OwnBrain, info: Mapping[str, Any]) -> dict[str, Any]:
    """T1 and T2 (2, X, Y, Z) on the axes of the data that the network learnt from."""
    t1, t2 = read_again(case)
    stated = info["axes_stated"]
    image = np.stack([on_store_axes(each.voxels, stated) for each in (t1, t2)])
    return {"brain": case, "t1": t1, "image": image, "stated": stated}


def infer(inputs: Mapping[str, Any], network: nn.Module, info: Mapping[str, Any], device: torch.device) -> np.ndarray:
    """The class of each voxel, (X, Y, Z) uint8: 0 air, 1 cerebrospinal fluid, 2 grey matter, 3 white matter."""
    t1, t2 = inputs["image"]
    return tissue_labels([(network, dict(info))], t1, t2, device)


def save(folder: Path, inputs: Mapping[str, Any], pred: np.ndarray) -> None:
    """Write the map of tissues on the grid of T1, without the free text of its header."""
    write_own_tissues(folder, inputs["brain"], inputs["t1"], on_store_axes(pred, inputs["stated"]))
