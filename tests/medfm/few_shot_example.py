"""A small data set for few-shot experiments: cases, lists and features whose findings can be learned from one image."""

import numpy as np
import pandas as pd

from medfm.analysis.protocols import TASKS, TRAINVAL

# Images a task by part of the official lists.
PARTS = {"train_20": 12, "val_20": 6, "test_WithLabel": 20, "test_WithoutLabel": 5}
FEATURES = 24


def small_cases() -> pd.DataFrame:
    """The images of the three tasks; two images are of one group, and each finding is on every second image or so."""
    rows = []
    generator = np.random.default_rng(0)
    for task, findings in TASKS.items():
        images = [(part, number) for part, count in PARTS.items() for number in range(count)]
        for row, (part, number) in enumerate(images):
            group, labelled = f"{task}-{part}-{number // 2}", int(part != "test_WithoutLabel")
            labels = "".join(map(str, generator.integers(0, 2, len(findings)))) if labelled else ""
            name, digits = f"{task} {part} {number}.png", f"{len(rows):016x}"
            rows.append(
                (f"{task}-{row:04d}", task, name, group, group, labelled, labels, row, 64, 64, digits, "", part)
            )
    columns = ["case", "task", "image", "group", "study", "labelled", "labels", "row", "height", "width", "phash"]
    cases = pd.DataFrame(rows, columns=[*columns, "twin", "part"])
    return cases.assign(official=np.where(cases["labelled"] == 1, "train", "val"), sha256="0" * 64)


def small_lists(cases: pd.DataFrame, shots: tuple[int, ...] = (1, 5), experiments: int = 2) -> pd.DataFrame:
    """Lists of 4 images for each shot; the first image stands twice in each, and the val list holds all the others."""
    rows = []
    for task in TASKS:
        pool = list(cases["image"][(cases["task"] == task) & cases["part"].isin(TRAINVAL)])
        for count in shots:
            for experiment in range(1, experiments + 1):
                drawn = np.random.default_rng([count, experiment]).permutation(len(pool))
                chosen = [pool[place] for place in drawn[: 4 + count]]
                common = (task, count, experiment)
                rows += [(*common, "train", image, 1 + (image == chosen[0])) for image in chosen]
                rows += [(*common, "val", image, 1) for image in pool if image not in chosen[1:]]
    return pd.DataFrame(rows, columns=["task", "shots", "experiment", "kind", "image", "times"])


def small_features(cases: pd.DataFrame, noise: float = 0.01) -> np.ndarray:
    """Features (N, D) float32: the labels, 0 where there are none, in the first dimensions, and noise."""
    features = np.random.default_rng(1).normal(0, noise, (len(cases), FEATURES)).astype(np.float32)
    features[:, -1] += 1
    for place, labels in enumerate(cases["labels"]):
        features[place, : len(labels)] += [int(digit) for digit in labels]
    return features
