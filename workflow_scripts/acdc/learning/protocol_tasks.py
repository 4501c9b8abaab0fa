"""What each protocol trains and validates on, from its store."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from acdc.analysis.protocols import splits
from acdc.learning.block_task import block_task
from acdc.learning.networks import sees_blocks
from acdc.learning.slice_tasks import HeartSource, published_task, sound_task
from acdc.learning.stacks import grid_of, heart_slices
from reprise.training.task import Task


def task_of(
    protocol: str,
    cases: pd.DataFrame,
    arrays: Mapping[str, np.ndarray],
    settings: Mapping[str, Any],
    device: torch.device,
) -> Task:
    """The task of a training by a protocol; all that it trains and validates on goes to the device at once.

    Args:
        protocol: see `PROTOCOLS`.
        cases: of the store of published slices for `published`, of the decoded data set for `sound`.
        arrays: of the same store.
        settings: the recipe of the training.
        device: where the network is.

    Raises:
        InputError: see `splits`.
    """
    if protocol == "published":
        images, labels = (torch.from_numpy(np.array(arrays[name])).to(device) for name in ("image", "labels"))
        train, val = (np.flatnonzero(cases["split"] == part) for part in ("train", "val"))
        return published_task(HeartSource(images, labels, settings), train, val)
    split = splits(cases, settings["validation"])
    chosen = cases[split != "test"]
    slices = heart_slices(chosen, arrays, grid_of(settings), device)
    source, of_case = HeartSource(slices.images, slices.labels, settings), split[chosen.index].to_numpy()
    of_sample, make = (of_case, block_task) if sees_blocks(settings["network"]) else (of_case[slices.cases], sound_task)
    train, val = (np.flatnonzero(of_sample == part) for part in ("train", "val"))
    return make(source, train, val, slices.cases)
