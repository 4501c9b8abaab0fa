"""Several processes train as one does: each draws its rows of the batch's noise; a batch of one crop is not shared."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import torch

from iseg.learning.networks import tissue_network
from reprise.training.processes import Processes, set_own_rows, shared_model
from tissue_store import RECIPES, write_brains
from workflow_rules import CODE


def test_each_process_computes_its_rows_of_the_whole_batch() -> None:
    torch.manual_seed(0)
    model, images = tissue_network("resnet3dvae", 0.25), torch.randn(3, 2, 16, 8, 8)
    shared_model(model.train(), Processes(0, 1))

    def given(rows: slice, processes: Processes) -> torch.Tensor:
        torch.manual_seed(5)
        set_own_rows(model, len(images), processes)
        return model(images[rows])

    whole = given(slice(None), Processes(0, 1))
    parts = [given(slice(0, 2), Processes(0, 2)), given(slice(2, 3), Processes(1, 2))]
    torch.testing.assert_close(torch.cat(parts), whole)


def test_batches_of_one_crop_are_trained_by_one_process(tmp_path: Path) -> None:
    recipe = RECIPES["by_thesis"] | {"batch_size": 1, "epochs": 1}
    options = {"store": write_brains(tmp_path / "store"), "settings": json.dumps(recipe), "protocol": "by_thesis"}
    options |= {"fold": 1, "device": "cpu", "processes": 2, "weights": tmp_path / "weights.safetensors"}
    options |= {name: tmp_path / name for name in ("checkpoints", "tensorboard", "history")}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    run = subprocess.run([sys.executable, CODE / "iseg/train.py", *words], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert pd.read_csv(tmp_path / "history")["epoch"].tolist() == [1]
