"""A small tree of the infant brain study's results, made up, as the pipeline leaves it before scoring.

Three subjects with labels (1, 2 and 10, so that the order of names is not that of numbers) and one without. A network
is a formula: the truth moved by some voxels, with noise. All tables follow from its logits.
"""

import importlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from iseg.analysis.volume_scores import Rule
from reprise.data.nifti import plain_header
from reprise.data.store import open_store, write_store

SHAPE, SPACING = (16, 20, 18), (1.0, 1.5, 2.0)
LABELLED, UNLABELLED = (1, 2, 10), (11,)
CLASSES = ("air", "csf", "gm", "wm")
NETWORKS, BASELINE = ("unet3d", "vnet"), "nnunet_3d"
PROTOCOLS = {"by_thesis": NETWORKS, "by_master": NETWORKS, "sound": (*NETWORKS, BASELINE)}
FOLDS = 3
CROP = (6, 6, 6)
EPOCHS, EPOCH_KEPT = 6, 4
# By protocol: the predicted subject of each fold, with its split, and the corners of each subject's crops.
SCORED = {"by_thesis": {1: (1, "val")}, "by_master": {1: (2, "val")}}
SCORED |= {"sound": dict(zip(range(1, FOLDS + 1), ((number, "test") for number in LABELLED), strict=True))}
CORNERS = {
    "by_thesis": [(2, 3, 4), (6, 8, 7)],
    "by_master": [(4, 6, 5), (2, 3, 4), (5, 5, 5), (6, 8, 7), (0, 0, 0)],  # the last one has no white matter
    "sound": [(4, 6, 5), (5, 5, 5)],
}
BATCHES = {"by_thesis": 1, "by_master": 2, "sound": 2}


class Volume(NamedTuple):
    """What a network of a protocol gives for one subject."""

    fold: int
    subject: int
    split: str
    true: np.ndarray  # (X, Y, Z)
    logits: np.ndarray  # (4, X, Y, Z)


def brain(number: int) -> np.ndarray:
    """Labels (X, Y, Z) uint8: white matter in grey matter in fluid, in balls that are larger for a higher number."""
    x, y, z = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    radius = np.sqrt((x - 8) ** 2 + ((y - 10) / 1.2) ** 2 + ((z - 9) / 1.1) ** 2)
    size = 1 + 0.03 * LABELLED.index(number) if number in LABELLED else 1.0
    return sum((radius < edge * size).astype(np.uint8) for edge in (7.4, 6.2, 4.3))  # type: ignore[return-value]


def predicted(network: str, protocol: str) -> list[Volume]:
    """The volumes that a network of a protocol is scored on; the same at each call."""
    place = [*NETWORKS, BASELINE].index(network)
    volumes = []
    for fold, (number, split) in SCORED[protocol].items():
        random = np.random.default_rng([place, list(SCORED).index(protocol), number])
        true = brain(number)
        moved = np.roll(true, place % 2, axis=1)
        logits = 3.0 * (moved == np.arange(4)[:, None, None, None]) - 1.5 + random.normal(0, 0.8, (4, *SHAPE))
        volumes.append(Volume(fold, number, split, true, logits.astype(np.float32)))
    return volumes


def make_results(folder: Path) -> Path:
    """Write what `score` reads: the store, and of each run and protocol predictions, sums.csv and foldK/log.csv."""
    _write_store(folder / "store")
    for protocol, networks in PROTOCOLS.items():
        for network in networks:
            run = folder / f"{network}-seed0" / protocol
            volumes = predicted(network, protocol)
            _write_predictions(run / "predictions", volumes)
            pd.DataFrame(sum_rows(volumes, protocol)).to_csv(run / "sums.csv", index=False)
            for fold in SCORED[protocol]:
                _write_history(run / f"fold{fold}", fold)
    return folder


def _write_store(folder: Path) -> None:
    voxels = int(np.prod(SHAPE))
    rows, labels = [], []
    for place, number in enumerate((*LABELLED, *UNLABELLED)):
        labelled = number in LABELLED
        labels.append(brain(number) * labelled)
        counts = {f"{name}_voxels": int((labels[-1] == label).sum()) for label, name in enumerate(CLASSES[1:], 1)}
        rows.append(
            {"case": f"subject-{number}", "subject": number, "official": "training" if labelled else "testing"}
            | {"labelled": int(labelled), "offset": place * voxels}
            | dict(zip(("x", "y", "z", "x_mm", "y_mm", "z_mm"), (*SHAPE, *SPACING), strict=True))
            | {"orientation": "LAS", "stated": 0, **counts, "sha256": "0" * 64}
        )
    header = np.frombuffer(plain_header(SHAPE, SPACING).ljust(540, b"\0"), np.uint8)
    flat = np.concatenate([each.ravel() for each in labels])
    texture = (np.arange(len(flat)) % 13).astype(np.uint8)
    shown = np.concatenate([brain(number).ravel() for number in (*LABELLED, *UNLABELLED)])
    images = {
        name: np.where(shown > 0, np.uint8(grey)[shown] + texture, 0).astype(np.uint8)
        for name, grey in (("t1", [0, 60, 120, 130]), ("t2", [0, 200, 110, 105]))
    }
    write_store(folder, pd.DataFrame(rows), images | {"labels": flat, "headers": np.tile(header, (len(rows), 1))})


def _write_predictions(folder: Path, volumes: list[Volume]) -> None:
    voxels, plane = int(np.prod(SHAPE)), 4 * SHAPE[0] * SHAPE[1]
    rows, maps = [], []
    for place, one in enumerate(volumes):
        map_z = int((one.true > 0).sum(axis=(0, 1)).argmax())
        maps.append(one.logits[..., map_z].ravel())
        named = {"case": f"fold{one.fold}-subject-{one.subject}", "of": f"subject-{one.subject}", "fold": one.fold}
        named |= {"split": one.split, "offset": place * voxels}
        shape = dict(zip(("x", "y", "z"), SHAPE, strict=True))
        rows.append(named | shape | {"map_z": map_z, "map_offset": place * plane})
    labels = np.concatenate([one.logits.argmax(axis=0).astype(np.uint8).ravel() for one in volumes])
    write_store(folder, pd.DataFrame(rows), {"labels": labels, "maps": np.concatenate(maps).astype(np.float16)})


def sum_rows(volumes: list[Volume], protocol: str) -> list[dict[str, object]]:
    """The rows of sums.csv: of each whole volume, then of its crops."""
    rows: list[dict[str, object]] = []
    for one in volumes:
        named: dict[str, object] = {"fold": one.fold, "of": f"subject-{one.subject}"}
        rows += [named | row for row in _sums(one.logits, one.true, "volume", 0, 0)]
        for number, corner in enumerate(CORNERS[protocol]):
            box = tuple(slice(start, start + side) for start, side in zip(corner, CROP, strict=True))
            batch = number // BATCHES[protocol]
            rows += [
                named | row for row in _sums(one.logits[(slice(None), *box)], one.true[box], "crop", number, batch)
            ]
    return rows


def _sums(logits: np.ndarray, true: np.ndarray, unit: str, number: int, batch: int) -> list[dict[str, object]]:
    logits = logits.astype(np.float64)
    powers = np.exp(logits)
    found = {
        "sigmoid": 1 / (1 + np.exp(-logits)),
        "softmax": powers / powers.sum(axis=0),
        "argmax": (logits.argmax(axis=0) == np.arange(4)[:, None, None, None]).astype(float),
    }
    return [
        {"unit": unit, "number": number, "batch": batch, "activation": activation, "class": name}
        | {"overlap": (values[label] * (true == label)).sum(), "predicted": values[label].sum()}
        | {"predicted_squares": (values[label] ** 2).sum(), "true": (true == label).sum()}
        for activation, values in found.items()
        for label, name in enumerate(CLASSES)
    ]


def _write_history(folder: Path, fold: int) -> None:
    """A history whose validation loss is lowest, and whose Dice is highest, at epoch 4 of 6."""
    folder.mkdir(parents=True)
    epoch = np.arange(1, EPOCHS + 1)
    loss = np.round(0.1 + 0.02 * np.abs(epoch - EPOCH_KEPT) + 0.01 * fold, 5)
    columns = {"epoch": epoch, "train_loss": np.round(0.5 / epoch, 5), "val_loss": loss}
    columns |= {"train_dice": np.round(1 - 0.5 / epoch, 5), "val_dice": np.round(1 - loss, 5)}
    for part, shift in (("train", 0.02), ("val", 0.0)):
        columns |= {f"{part}_dice_{name}": np.round(1 - loss + shift - 0.03 * k, 5) for k, name in enumerate(CLASSES)}
    if folder.parent.name == "sound":
        columns |= {"val_dice": np.round(0.7 - loss + 0.01 * epoch, 5), "val_argmax_dice": columns["val_dice"]}
    pd.DataFrame(columns).to_csv(folder / "log.csv", index=False)


MASTER = {"dice": "squared", "crop": CROP, "crops": {"train": 9, "val": 5, "least": 0.05}, "batch_size": 2}
RULE = Rule(CROP, 0.05)
SETTINGS = {"resamples": 300, "seed": 3, "thesis": {"dice": "linear"}, "master": MASTER}
TABLES = ("metrics", "quirks", "scores", "confusion")


def score(folder: Path) -> dict[str, pd.DataFrame]:
    """Run the step `score` on what `make_results` wrote; its tables by name."""
    step = importlib.import_module("iseg.score")
    runs = [folder / f"{network}-seed0" / protocol for protocol, networks in PROTOCOLS.items() for network in networks]
    words: list[object] = ["--store", folder / "store", "--settings", json.dumps(SETTINGS)]
    for name, places in (("predictions", "predictions"), ("sums", "sums.csv")):
        words += [f"--{name}", *(run / places for run in runs)]
    words += ["--history", *sorted(folder.glob("*/by_master/fold1/log.csv"))]
    words += [word for name in TABLES for word in (f"--{name}", folder / f"{name}.csv")]
    step.main(step.arguments().parse_args([str(word) for word in words]))
    return {name: pd.read_csv(folder / f"{name}.csv") for name in TABLES}


def change_predictions(
    folder: Path, change: Callable[[pd.DataFrame, np.ndarray], tuple[pd.DataFrame, np.ndarray]]
) -> None:
    """Rewrite what vnet found by the sound protocol; `change` gets the cases and the labels (subjects, V)."""
    path = folder / "vnet-seed0" / "sound" / "predictions"
    cases, arrays = open_store(path)
    kept = {name: np.array(array) for name, array in arrays.items()}
    cases, labels = change(cases, kept["labels"].reshape(len(LABELLED), -1))
    shutil.rmtree(path)
    write_store(path, cases, kept | {"labels": labels.ravel()})
