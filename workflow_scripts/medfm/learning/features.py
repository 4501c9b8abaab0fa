"""Features of images by a network that is not trained: what comes before its last layer."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from medfm.analysis.protocols import of_task
from medfm.learning.images import Images, evaluation_batch, images_of
from reprise.inference.network import in_batches
from reprise.step.command import progress
from reprise.step.device import autocast

AT_A_TIME = 32  # images, on a GPU four times as many


def features_of(
    model: Any, cases: pd.DataFrame, arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any], device: torch.device
) -> Iterator[np.ndarray]:
    """Features (n, D) float32 of a few images after the other, in the order of the cases.

    Args:
        model: a network of timm in evaluation mode, on the device.
        cases: images, task by task.
        arrays: by task, the images of the store.
        settings: `size` and `precision`.
        device: where the network is.
    """
    for task in cases["task"].unique():
        chosen = of_task(cases, task)
        images, rows = images_of(chosen, arrays[task], device), chosen["row"].to_numpy()

        def compute(part: slice, images: Images = images, rows: np.ndarray = rows) -> Tensor:
            batch = evaluation_batch(images, rows[part], settings["size"], None, device)
            with autocast(device, settings["precision"]):
                return model.forward_head(model.forward_features(batch), pre_logits=True).float()

        found = in_batches(len(rows), AT_A_TIME, compute, device)
        yield from (piece.numpy() for piece in progress(found, f"batches of {task}"))
