"""Nothing of a subject that the sound protocol scores has a say in its network: not in weights, epoch or values."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from iseg.analysis.protocols import split_of
from iseg.data.conversion import volume_of
from iseg.learning.networks import tissue_network
from iseg.learning.protocol_tasks import task_of
from reprise.data.store import Store, open_store
from reprise.training.interval import Interval
from reprise.training.loop import fit
from tissue_store import RECIPES, write_brains

CPU = torch.device("cpu")
FOLD, RECIPE = 2, RECIPES["sound"]


def trained(store: Store, folder: Path) -> tuple[dict[str, torch.Tensor], pd.DataFrame]:
    """The weights of the epoch that is kept, and the history."""
    torch.manual_seed(0)
    model = tissue_network(RECIPE["network"], RECIPE["width"])
    task = task_of("sound", FOLD, *store, RECIPE, CPU)
    folders = folder / "checkpoints", folder / "tensorboard"
    best, history = fit(model, task, RECIPE, str(folder), *folders, Interval())
    return best["best"].weights, history


@pytest.mark.parametrize("part", ["test", "val"])
def test_no_voxel_of_the_scored_subject_changes_the_network(tmp_path: Path, part: str) -> None:
    store = open_store(write_brains(tmp_path / "store"))
    split = split_of(store.cases, "sound", FOLD, RECIPE["folds"])
    before = trained(store, tmp_path / "before")
    arrays = {name: np.array(array) for name, array in store.arrays.items()}
    for case in store.cases[split == part].to_dict("records"):
        for name in ("t1", "t2", "labels"):
            volume = volume_of(arrays[name], case)
            volume[...] = volume.max() - volume[::-1, ::-1]
    after = trained(Store(store.cases, arrays), tmp_path / "after")
    same = all(torch.equal(before[0][name], after[0][name]) for name in before[0]) and before[1].equals(after[1])
    assert same == (part == "test"), "the subjects that choose the epoch do have a say"
