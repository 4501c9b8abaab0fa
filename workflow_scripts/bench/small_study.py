"""A small phantom study to measure on: its raw folder, its store, and settings of the published recipe."""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from echonet.data.conversion import convert_dataset
from echonet.data.raw_dataset import check_dataset
from echonet.phantom.phantom_dataset import write_phantom
from reprise.data.store import Store, open_store
from reprise.engine.configuration import study_settings

VIDEOS = 12
SPLIT = (0.5, 0.25, 0.25)


class SmallStudy(NamedTuple):
    """Raw videos and store of the same cases; `train` are those that training would use."""

    videos: Path
    store: Store
    train: pd.DataFrame
    normalisation: dict[str, Any]


def make_small_study(folder: Path) -> SmallStudy:
    """Write a phantom of a dozen videos below `folder` and convert it."""
    write_phantom(folder / "raw", VIDEOS, SPLIT, seed=0, processes=1)
    checked = check_dataset(folder / "raw")
    convert_dataset(folder / "raw", checked.manifest, checked.cases, folder / "store")
    store = open_store(folder / "store")
    train = store.cases[(store.cases["traced"] >= 0) & store.cases["tracing_ok"]]
    channels = store.arrays["frames"].shape[-1]
    normalisation = {"mean": [40.0] * channels, "std": [50.0] * channels}
    return SmallStudy(folder / "raw" / "Videos", store, train, normalisation)


def published_settings(task: str, **more: Any) -> dict[str, Any]:
    """The published recipe of `segmentation` or `ef`."""
    return study_settings("echonet", "published")[task] | {"seed": 0, "precision": "fp32"} | more
