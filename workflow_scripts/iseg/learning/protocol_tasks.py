"""What each protocol trains and validates on, from the store."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from iseg.analysis.protocols import split_of
from iseg.data.conversion import volume_of
from iseg.learning.crop_task import crop_task
from iseg.learning.crops import Crops
from iseg.learning.networks import check_sides
from iseg.learning.places import Places, accepted_corners, published_places
from iseg.learning.prediction import normalisation_of
from iseg.learning.volume_task import volume_task
from iseg.learning.volumes import subjects_of
from reprise.training.task import Task

PARTS = ("train", "val")


def task_of(
    protocol: str,
    fold: int,
    cases: pd.DataFrame,
    arrays: Mapping[str, np.ndarray],
    settings: Mapping[str, Any],
    device: torch.device,
) -> Task:
    """The task of a training by a protocol; all that it trains and validates on goes to the device at once.

    Args:
        protocol: see `PROTOCOLS`.
        fold: from 1 on.
        cases: the store's.
        arrays: the store's.
        settings: the recipe of the training.
        device: where the network is.

    Raises:
        InputError: see `split_of`, `published_places` and `check_sides`; or a volume has no contrast.
    """
    check_sides(settings["network"], settings["crop"])
    chosen = subjects_by_part(cases, protocol, fold, settings)
    normalisation = normalisation_of(settings)
    if protocol == "sound":
        for part in (*PARTS, "test"):  # crops of the test subjects are scored, too
            for name, labels in labels_of(chosen[part], arrays).items():
                accepted_corners(name, labels, settings["crop"], 0)
        train, val = (subjects_of(chosen[part], arrays, normalisation, device) for part in PARTS)
        return volume_task(train, val, settings)
    places = crops_as_published(chosen, arrays, settings)
    train_crops, val_crops = (
        Crops(subjects_of(chosen[part], arrays, normalisation, device), places[part], settings["crop"], normalisation)
        for part in PARTS
    )
    return crop_task(train_crops, val_crops, settings)


def subjects_by_part(
    cases: pd.DataFrame, protocol: str, fold: int, settings: Mapping[str, Any]
) -> dict[str, pd.DataFrame]:
    """The rows of the subjects of each split, in the order of their names as text, as the published code has them."""
    split = split_of(cases, protocol, fold, settings.get("folds", 1))
    return {part: rows.sort_values("case") for part, rows in cases.groupby(split)}


def labels_of(cases: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The labels (X, Y, Z) of some rows of the store's table, by name."""
    return {case["case"]: volume_of(arrays["labels"], case) for case in cases.to_dict("records")}


def crops_as_published(
    chosen: Mapping[str, pd.DataFrame], arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any]
) -> dict[str, Places]:
    """The places of the crops that train and of those that validate, by part; see `published_places`."""
    labels, rule = [labels_of(chosen[part], arrays) for part in PARTS], settings["crops"]
    counts = [rule[part] for part in PARTS]
    return dict(
        zip(PARTS, published_places(labels, settings["crop"], counts, rule["least"], rule["seed"]), strict=True)
    )
