"""A real training step on a small store; tests start, kill and start it again.

`python tests/helpers/training_step.py KILLS [SEED]` kills it more often than tests have time for.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from project import ROOT, environment
from reprise.data.store import write_store

STEP = "workflow_scripts/echonet/train_segmentation.py"
RECIPE: dict[str, Any] = {
    "network": "deeplabv3_resnet50",
    "width": 0.125,
    "weights": "random",
    "epochs": 3,
    "batch_size": 4,
    "seed": 0,
    "precision": "fp32",
    "optimiser": {"name": "sgd", "lr": 1e-6, "momentum": 0.9, "weight_decay": 0},
    "decay": {"every_epochs": None, "factor": 0.1},
}
RESULTS = ("weights.safetensors", "log.csv")


def small_store(folder: Path, videos: int = 24, size: int = 48) -> None:
    """Write a store of noise with a bright disc for a ventricle, and its normalisation."""
    draw = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size]
    radius = draw.uniform(6, 16, size=(videos, 2))
    masks = ((rows - size / 2) ** 2 + (columns - size / 2) ** 2 < radius[..., None, None] ** 2).astype(np.uint8)
    noise = draw.integers(0, 100, size=(videos, 2, size, size, 3), dtype=np.uint8)
    split = np.repeat(["train", "val"], [videos * 2 // 3, videos - videos * 2 // 3])
    cases = pd.DataFrame({"case": [f"C{n}" for n in range(videos)], "split": split, "traced": np.arange(videos)})
    write_store(folder / "store", cases, {"traced_frames": noise + 100 * masks[..., None], "traced_masks": masks})
    (folder / "normalisation.json").write_text(json.dumps({"mean": [70.0] * 3, "std": [40.0] * 3}))


def train_command(data: Path, folder: Path, *more: str, **changes: Any) -> list[str]:
    """The words that start the training step on `data` with its results and checkpoints in `folder`."""
    options = {
        "--store": data / "store",
        "--normalisation": data / "normalisation.json",
        "--settings": json.dumps(RECIPE | changes),
        "--device": "cpu",
        "--checkpoints": folder / "checkpoints",
        "--tensorboard": folder / "tensorboard",
        "--weights": folder / RESULTS[0],
        "--history": folder / RESULTS[1],
        "--log": folder / "train.log",
    }
    return [sys.executable, STEP, *(str(word) for pair in options.items() for word in pair), *more]


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a step in a process group of its own."""
    env = environment() | {"PYTHONPATH": str(ROOT / "workflow_scripts"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=env, start_new_session=True, stderr=subprocess.DEVNULL)


def survive_kills(data: Path, folder: Path, kills: int, seed: int, *more: str) -> None:
    """Kill a training step several times at random moments, and start it again each time, until it ends.

    A kill comes by SIGKILL, or one time in four by SIGTERM. If a run ends before its kill, it starts again from zero.

    Raises:
        AssertionError: a run ended otherwise than one never killed.
    """
    draw, struck, began = random.Random(seed), 0, time.monotonic()
    assert start(train_command(data, folder / "whole")).wait() == 0
    whole, expected = time.monotonic() - began, results(folder / "whole")
    while True:
        process = start(train_command(data, folder / "killed", *more))
        try:
            status = process.wait(draw.uniform(0, whole) if struck < kills else None)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, draw.choice([signal.SIGKILL] * 3 + [signal.SIGTERM]))
            process.wait()
            struck += 1
            continue
        log = (folder / "killed/train.log").read_text()
        assert status == 0, f"seed {seed}, after {struck} kills: {log}"
        assert results(folder / "killed") == expected, f"seed {seed}, after {struck} kills: {log}"
        if struck == kills:
            return
        shutil.rmtree(folder / "killed")


def results(folder: Path) -> dict[str, bytes]:
    """What a training step wrote."""
    return {name: (folder / name).read_bytes() for name in RESULTS}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        small_store(Path(place))
        survive_kills(
            Path(place), Path(place), int(sys.argv[1]), int((*sys.argv, 0)[2]), "--checkpoint-every", "1 steps"
        )
    print(f"{sys.argv[1]} kills survived, results the same to the last bit")
