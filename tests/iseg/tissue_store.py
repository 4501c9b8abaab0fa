"""A store of small made-up brains, and the recipes that train on it in a second."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reprise.data.nifti import plain_header
from reprise.data.store import write_store

SHAPE = (36, 24, 20)
LABELLED, UNLABELLED = (1, 2, 10), (11,)  # in the order of names, subject 10 comes before subject 2
CROP = [32, 16, 16]
RECIPE: dict[str, Any] = {"network": "unet3d", "width": 0.25, "seed": 0, "precision": "fp32", "epochs": 2}
RECIPE |= {"batch_size": 2, "crop": CROP, "decay": {"every_epochs": None, "factor": 1}}
RECIPE |= {"optimiser": {"name": "adam", "lr": 5e-3, "momentum": 0.9, "weight_decay": 0.0}}
CROPS = {"train": 6, "val": 3, "least": 0.3, "seed": 1777777}
RECIPES = {
    "by_thesis": RECIPE | {"crops": CROPS | {"least": 0}, "normalisation": "crop", "dice": "linear"},
    "by_master": RECIPE | {"crops": CROPS, "normalisation": "full_volume_mean", "dice": "squared"},
    "sound": RECIPE | {"crops_a_volume": 4, "overlap": 0.5, "folds": 3, "epochs": 3},
}


def brain(number: int) -> np.ndarray:
    """Labels (X, Y, Z) uint8: white matter in grey matter in fluid, off the centre by the subject's number."""
    x, y, z = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    radius = np.sqrt(((x - 17 - number % 3) / 1.4) ** 2 + (y - 12) ** 2 + ((z - 10) / 0.9) ** 2)
    return sum((radius < edge).astype(np.uint8) for edge in (9.5, 7.5, 5.0))  # type: ignore[return-value]


def images(number: int) -> dict[str, np.ndarray]:
    """T1 and T2 (X, Y, Z) int16 of a subject; air is 0."""
    labels, random = brain(number), np.random.default_rng(number)
    signal = {"t1": (0, 90, 160, 220), "t2": (0, 250, 150, 110)}
    noisy = {name: np.array(values)[labels] + random.normal(0, 9, SHAPE) for name, values in signal.items()}
    return {name: np.where(labels > 0, values, 0).astype(np.int16) for name, values in noisy.items()}


def write_brains(folder: Path) -> Path:
    """Write the store as the conversion does."""
    rows, voxels = [], int(np.prod(SHAPE))
    numbers = (*LABELLED, *UNLABELLED)
    for number in numbers:
        official, labelled = ("training", 1) if number in LABELLED else ("testing", 0)
        row = {"case": f"subject-{number}", "subject": number, "official": official, "labelled": labelled}
        row |= {"offset": len(rows) * voxels, **dict(zip("xyz", SHAPE, strict=True))}
        row |= {"x_mm": 1.0, "y_mm": 1.0, "z_mm": 2.0, "orientation": "LAS", "stated": 0, "dtype": "int16"}
        rows.append(row)
    parts = [images(number) for number in numbers]
    arrays = {name: np.concatenate([part[name].ravel() for part in parts]) for name in ("t1", "t2")}
    true = [brain(number) * (number in LABELLED) for number in numbers]
    header = np.frombuffer(plain_header(SHAPE, (1.0, 1.0, 2.0)).ljust(540, b"\0"), np.uint8)
    arrays |= {"labels": np.concatenate([labels.ravel() for labels in true]).astype(np.uint8)}
    write_store(folder, pd.DataFrame(rows), arrays | {"headers": np.tile(header, (len(rows), 1))})
    return folder
