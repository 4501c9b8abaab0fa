"""A phantom of MedFMC; boxes.csv also has where each finding is, and twins.csv which images are copies of others."""

from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from medfm.analysis.protocols import TASKS, TRAINVAL
from medfm.data.label_tables import write_labels
from medfm.data.official_lists import EXPERIMENTS, SHOTS, list_name, write_list
from medfm.phantom.findings_drawn import drawn
from medfm.phantom.made_up_truth import made_up, support_images
from reprise.step.command import progress
from reprise.step.files import outputs
from reprise.step.pool import mapped


def write_phantom(folder: str | Path, images: dict[str, int], size: int, seed: int, processes: int) -> None:
    """Write the data set to `folder`: so many images of each task, `size` pixels high, drawn by several processes."""
    with outputs(folder) as (root,):
        rngs = [np.random.default_rng([seed, number]) for number in range(len(TASKS))]
        tables = [made_up(rng, task, images[task]) for rng, task in zip(rngs, TASKS, strict=True)]
        for rng, task, table in zip(rngs, TASKS, tables, strict=True):
            _write_lists(root / f"data_anns/MedFMC/{task}", table, task, rng)
            for official, rows in table.groupby("official"):
                (root / f"MedFMC_{official}/{task}/images").mkdir(parents=True)
                write_labels(root / f"MedFMC_{official}/{task}/{task}_{official}.csv", rows)
        rows = pd.concat(tables)
        rows[rows["twin_of"] != ""][["task", "image", "twin_of"]].to_csv(root / "twins.csv", index=False)
        write = partial(_write_image, root, size, seed)
        boxes = progress(mapped(write, rows.to_dict("records"), processes), "phantom images", len(rows))
        pd.DataFrame([box for image in boxes for box in image]).to_csv(root / "boxes.csv", index=False)


def _write_image(root: Path, size: int, seed: int, row: dict[str, Any]) -> list[dict[str, Any]]:
    """Write one image; where its findings are. A copy differs from its original by one grey level here and there."""
    task, first = row["task"], [seed, len(row["task"])]
    rng, style = (np.random.default_rng([*first, row[name], at]) for at, name in enumerate(("drawn_as", "style"), 2))
    image, boxes = drawn(rng, style, task, [int(row[finding]) for finding in TASKS[task]], size)
    if row["twin_of"]:
        image -= (image > 0) * np.random.default_rng(first).integers(0, 2, image.shape, np.uint8)
    path = root / f"MedFMC_{row['official']}/{task}/images/{row['image']}"
    path.write_bytes(cv2.imencode(".png", image[..., ::-1])[1].tobytes())
    return [{"task": task, "image": row["image"], "finding": name} | box for name, box in boxes.items()]


def _write_lists(folder: Path, table: pd.DataFrame, task: str, rng: np.random.Generator) -> None:
    """All official lists of a set; of chest and endo, validation lists hold training images, as published."""
    labels = dict(zip(table["image"], table[list(TASKS[task])].to_numpy().tolist(), strict=True))
    trainval = table[table["part"].isin(TRAINVAL)]
    lists = {str(part): list(rows["image"]) for part, rows in table.groupby("part")}
    lists["trainval"] = list(trainval["image"])
    for shots, experiment in [(shots, experiment) for shots in SHOTS for experiment in EXPERIMENTS]:
        support = support_images(rng, trainval, task, shots)
        left = trainval["image"][~trainval["image"].isin(support) | (task != "colon")]
        validating = rng.permutation(left)[: max(1, len(trainval) - len(support))]
        lists[list_name(task, shots, "train", experiment)] = support
        lists[list_name(task, shots, "val", experiment)] = list(validating)
    for name, images in lists.items():
        write_list(folder / f"{name}.txt", task, images, labels)
