"""A network of findings in a bundle: from images to scores, as the step `predict_images.py` computes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from medfm.analysis.protocols import TASKS
from medfm.data.conversion import CHANNELS
from medfm.data.own_images import find_images, read_again
from medfm.data.pictures import squared
from medfm.learning.images import Images
from medfm.learning.prediction import load_finding_network, scores_of
from reprise.data.own_files import OwnFile

find, load = find_images, load_finding_network


def read(case: OwnFile, info: Mapping[str, Any], store_size: int) -> dict[str, Any]:
    """The image as a square of `store_size` px, and its sides."""
    pixels = read_again(case).pixels
    square = squared(pixels, store_size, CHANNELS[info["task"]])
    images = Images(torch.from_numpy(square[None]), np.array([pixels.shape[:2]]))
    return {"case": case.case, "task": info["task"], "image": images}


def infer(inputs: Mapping[str, Any], network: nn.Module, info: Mapping[str, Any], device: torch.device) -> np.ndarray:
    """The score (findings,) of each finding, from 0 to 1."""
    return scores_of(network, info, inputs["image"], np.array([0]), device)[0]


def save(folder: Path, inputs: Mapping[str, Any], pred: np.ndarray) -> None:
    """Add a row to scores.csv."""
    row = {"case": inputs["case"], **dict(zip(TASKS[inputs["task"]], pred.tolist(), strict=True))}
    table = folder / "scores.csv"
    pd.DataFrame([row]).to_csv(table, mode="a", header=not table.exists(), index=False, float_format="%.6g")
