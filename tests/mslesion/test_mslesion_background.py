"""A fold of scans without a lesion: trained, segmented and scored, or one line where nothing is left to score."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from ms_dataset import save
from mslesion import score, segment, train
from mslesion.data.conversion import convert_dataset
from mslesion.data.raw_scans import check_dataset
from reprise.data.store import open_store, write_store
from reprise.step.errors import InputError

SHAPE = (36, 40, 4)
FOLDS = 3
NET = "fc_densenet67"
CONFIG = Path(__file__).resolve().parents[2] / "config" / "mslesion.yaml"


def recipe() -> dict[str, Any]:
    published = yaml.safe_load(CONFIG.read_text())["published"]
    general = {"folds": FOLDS, "precision": "fp32", "network": NET, "seed": 0, "size": 64}
    return published["training"] | {"width": 0.1, "epochs": 1} | general


def call(step: Any, **options: object) -> None:
    """Run a step in this process."""
    words = [word for name, value in options.items() for word in (f"--{name}", *_listed(value))]
    step.main(step.arguments().parse_args([str(word) for word in words]))


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [json.dumps(value) if isinstance(value, dict) else value]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of three patients with a scan each, of whom the first has no lesion."""
    folder = tmp_path_factory.mktemp("background")
    rng = np.random.default_rng(0)
    for patient in range(1, FOLDS + 1):
        mask = np.zeros(SHAPE, np.uint8)
        mask[10:16, 12:18, 1:3] = patient > 1
        there = folder / "raw" / f"patient{patient}"
        save(there / "FLAIR_x.nii", rng.integers(100, 300, SHAPE, np.int16) + 800 * mask.astype(np.int16))
        save(there / "GOLD_STANDARD_x.nii", mask)
    checked = check_dataset(folder / "raw")
    assert "no voxel is lesion" in set(checked.findings["finding"])
    convert_dataset(folder / "raw", checked.manifest, checked.cases, folder / "store")
    return folder


def train_fold(folder: Path, protocol: str, fold: int) -> Path:
    """Train one fold; returns its folder."""
    there = folder / f"{NET}-seed0" / protocol / f"fold{fold}"
    options = {"store": folder / "store", "protocol": protocol, "fold": fold, "device": "cpu", "settings": recipe()}
    kept = {"checkpoints": folder / "checkpoints" / there.name, "tensorboard": folder / "tensorboard"}
    call(train, **options, **kept, weights=there / "weights.safetensors", history=there / "log.csv")
    return there


def test_a_fold_of_background_is_scored(folder: Path) -> None:
    folds = [train_fold(folder, "sound", fold) for fold in range(1, FOLDS + 1)]
    run = folds[0].parent
    options = {"store": folder / "store", "protocol": "sound", "device": "cpu", "checkpoints": folder / "parts"}
    weights = [fold / "weights.safetensors" for fold in folds]
    call(segment, **options, weights=weights, masks=run / "masks", volumes=run / "volumes.csv")
    row = pd.read_csv(run / "volumes.csv").iloc[0]
    assert row["true_load_ml"] == row["true_lesions"] == row["tp_lesion_slices"] == row["tn_lesion_slices"] == 0
    assert row["dice"] == float(row["load_ml"] == 0)
    tables = {name: folder / f"{name}.csv" for name in ("metrics", "quirks", "lesions")}
    results = {"history": [fold / "log.csv" for fold in folds], "volumes": [run / "volumes.csv"]}
    settings = {"resamples": 50, "seed": 0, "reported_epochs": [1]}
    call(score, store=folder / "store", settings=settings, **results, **tables)
    metrics = pd.read_csv(tables["metrics"]).set_index("quantity")["value"]
    rates = metrics.filter(regex="scans/(dice|ltpr|lfpr|score)")
    assert len(rates) == 4 and rates.between(0, 1).all()
    options = {"store": folder / "store", "protocol": "sound", "checkpoints": folder / "parts", "masks": folder / "x"}
    with pytest.raises(InputError, match=r"expected weights of sound, fold 1 of 3, found sound, fold 3 of 3"):
        call(segment, **options, weights=weights[::-1], volumes=folder / "x.csv")
    with pytest.raises(InputError, match=r"expected weights of sound, fold 1 of 2, found sound, fold 1 of 3"):
        segment.load_fold(weights[:2], "sound", torch.device("cpu"), 1)


def test_the_scored_fold_leaves_no_trace_in_the_weights_of_the_sound_protocol(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "other", ignore=shutil.ignore_patterns("checkpoints", "*-seed0", "parts"))
    other, scored = tmp_path / "other", np.prod(SHAPE)
    cases, arrays = open_store(other / "store")
    assert cases["patient"].iloc[0] == "patient1", "whose fold is scored"
    changed = {name: np.array(array) for name, array in arrays.items()}
    changed["flair"][:scored] = changed["flair"][:scored][::-1] * 2
    changed["mask1"][:scored] = 1 - changed["mask1"][:scored]
    shutil.rmtree(other / "store")
    write_store(other / "store", cases, changed)
    paths = [train_fold(each, "sound", 1) / "weights.safetensors" for each in (folder, other)]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_where_no_slice_of_a_fold_has_a_lesion_the_published_protocol_says_so(folder: Path) -> None:
    with pytest.raises(InputError, match=r"published, fold 1: expected three slices with a lesion.* to val") as caught:
        train_fold(folder, "published", 1)
    assert "\n" not in str(caught.value)
    assert not (folder / f"{NET}-seed0" / "published" / "fold1").exists()
