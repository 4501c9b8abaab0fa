"""A store of small made-up images whose findings are bright squares, each at its own place; and recipes of seconds."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medfm.analysis.protocols import TASKS, of_task
from reprise.data.store import open_store, write_store

SIDE, IMAGES, A_GROUP = 32, 60, 3
CHANNELS = {"chest": 1, "colon": 3, "endo": 3}
PLACES = {"chest": (5, 4, 2), "colon": (1, 16, 8), "endo": (2, 12, 3)}  # in a row; side of a square; first one, px
PARTS = ("train_20", "val_20", "test_WithLabel")
RECIPE: dict[str, Any] = {
    "network": "densenet121",
    "arguments": {"growth_rate": 8, "block_config": [2, 2, 2, 2]},
    "initial": "random",
    "seed": 0,
    "precision": "fp32",
    "size": 32,
    "epochs": 3,
    "batch_size": 8,
    "optimiser": {"name": "adamw", "lr": 3e-3, "momentum": 0.9, "weight_decay": 1e-4},
    "decay": {"cosine_to": 0.1, "warmup_epochs": 1},
    "clip": 1,
}
RECIPES = {
    "by_writeup": RECIPE
    | {"resize": 36, "train_share": 0.8, "decay": {"milestones": [2], "factor": 0.1}}
    | {"optimiser": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4}},
    "by_challenge": RECIPE,
    "sound": RECIPE | {"shares": {"val": 0.2, "test": 0.3}},
}


def write_findings(folder: Path) -> Path:
    """A store of 60 images a task, of which three are of one group, and the last ones have no labels."""
    random = np.random.default_rng(0)
    rows, arrays = [], {}
    for task, findings in TASKS.items():
        truth = random.random((IMAGES, len(findings))) < 0.4
        arrays[task] = random.integers(0, 90, (IMAGES, SIDE, SIDE, CHANNELS[task]), np.uint8)
        for row in range(IMAGES):
            for place in np.flatnonzero(truth[row]):
                columns, side, first = PLACES[task]
                top, left = (first + (side + 2) * at for at in divmod(int(place), columns))
                arrays[task][row, top : top + side, left : left + side] += 150
            labelled = row < IMAGES - 6
            rows.append(
                {
                    "case": f"{task}-{row + 1:04}",
                    "task": task,
                    "image": f"{task} {row + 1}.png",
                    "group": f"{task}-{row // A_GROUP}",
                    "official": "train" if labelled else "val",
                    "labelled": int(labelled),
                    "labels": "".join(map(str, truth[row].astype(int))) if labelled else "",
                    "row": row,
                    "height": 40,
                    "width": 50,
                    "phash": f"{row:016x}",
                    "twin": "",
                    "part": PARTS[row // A_GROUP % 3] if labelled else "test_WithoutLabel",
                    "sha256": "",
                }
            )
    write_store(folder, pd.DataFrame(rows), arrays)
    return folder


def task_cases(store: Path, task: str) -> tuple[pd.DataFrame, np.ndarray]:
    """The images of a task, and its array."""
    cases, arrays = open_store(store)
    return of_task(cases, task), arrays[task]
