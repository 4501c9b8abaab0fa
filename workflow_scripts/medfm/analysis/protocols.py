"""What all protocols share: tasks with their findings, the split of each image, and what few-shot methods see."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from reprise.step.errors import InputError

# The findings of each task in the order of the published labels. Other places print them in other orders.
TASKS: dict[str, tuple[str, ...]] = {
    "chest": (
        "pleural_effusion",
        "nodule",
        "pneumonia",
        "cardiomegaly",
        "hilar_enlargement",
        "fracture_old",
        "fibrosis",
        "aortic_calcification",
        "tortuous_aorta",
        "thickened_pleura",
        "TB",
        "pneumothorax",
        "emphysema",
        "atelectasis",
        "calcification",
        "pulmonary_edema",
        "increased_lung_markings",
        "elevated_diaphragm",
        "consolidation",
    ),
    "colon": ("tumor",),
    "endo": ("ulcer", "erosion", "polyp", "tumor"),
}
PROTOCOLS = ("by_writeup", "by_challenge", "sound")
# The published protocols, each with its name in the settings and in the measures.
PUBLISHED = {"by_writeup": "writeup", "by_challenge": "challenge"}
# The official lists of images with labels that few-shot methods and the challenge's baselines learn from.
TRAINVAL = ("train_20", "val_20")
CHALLENGE = {"train_20": "train", "val_20": "val", "test_WithLabel": "test"}
SPLITS = ("train", "val", "test")
DEALS, MOSTLY_ALONE = 30, 0.9  # of `sound`: deals of groups that are compared, unless so many images are groups
# The measure that chooses the epoch: of the colon, whose images have one of two classes, and of the other tasks.
CHOOSING = {
    "by_writeup": {"colon": "accuracy", "chest": "map", "endo": "map"},
    "by_challenge": {"colon": "accuracy", "chest": "map", "endo": "auc"},
    "sound": {"colon": "auc", "chest": "map", "endo": "map"},
}


def outputs_of(task: str) -> int:
    """The number of a network's outputs: one a finding (sigmoid); of colon two, normal and tumour (softmax)."""
    return 2 if task == "colon" else len(TASKS[task])


def of_task(cases: pd.DataFrame, task: str) -> pd.DataFrame:
    """The images of one task, in the order of its array in the store; the index stays that of `cases`.

    Raises:
        InputError: there is none.
    """
    chosen = cases[cases["task"] == task]
    if chosen.empty:
        raise InputError(f"{task}: expected images of this task, found none")
    return chosen


def truth_of(cases: pd.DataFrame) -> np.ndarray:
    """The labels (N, findings) uint8 of images of one task, all with labels."""
    return np.array([[int(digit) for digit in labels] for labels in cases["labels"]], np.uint8)


def split_of(cases: pd.DataFrame, protocol: str, seed: int, recipe: Mapping[str, Any]) -> pd.Series:
    """The split of each image of one task: train, val, test, or unused.

    `by_writeup`: all images with labels are mixed and dealt again, each by itself; there is no val.
    `by_challenge`: the official lists train_20, val_20 and test_WithLabel.
    `sound`: groups are dealt, stratified over findings; a group is in one split.

    Args:
        cases: images of one task, with the columns group, labelled, labels and part.
        protocol: see `PROTOCOLS`.
        seed: of what is random.
        recipe: the protocol's settings, of which by_writeup takes `train_share`, sound `shares` of val and test.

    Raises:
        InputError: a split would be empty.
    """
    labelled = cases[cases["labelled"] == 1]
    needed = tuple(name for name in SPLITS if name != "val" or protocol != "by_writeup")
    if protocol == "by_writeup":
        parts = _mixed(labelled, seed, recipe["train_share"])
    elif protocol == "by_challenge":
        parts = labelled["part"].map(CHALLENGE).dropna()
    else:
        parts = _by_groups(labelled, seed, recipe["shares"])
    if missing := [name for name in needed if not (parts == name).any()]:
        task = cases["task"].iloc[0]
        raise InputError(
            f"{task}, {protocol}: expected images with labels for each of {', '.join(needed)}; "
            f"none for {', '.join(missing)}, of {len(labelled)} with labels"
        )
    split = pd.Series("unused", index=cases.index, name="split")
    split[parts.index] = parts
    return split


def official_list(lists: pd.DataFrame, task: str, shots: int, experiment: int, kind: str) -> pd.DataFrame:
    """The rows of one official few-shot list, of the images to learn from (train) or to choose the epoch on (val)."""
    wanted = {"task": task, "shots": shots, "experiment": experiment, "kind": kind}
    return lists[np.logical_and.reduce([lists[name] == value for name, value in wanted.items()])]


def support_of(
    lists: pd.DataFrame, cases: pd.DataFrame, task: str, shots: int, experiment: int, protocol: str
) -> np.ndarray:
    """The support set of a few-shot experiment, as positions in `cases` (images of one task).

    By `published` an image that is listed twice comes twice; by `sound` once.

    Raises:
        InputError: there is no such list, or it names images that are not among the cases.
    """
    chosen = official_list(lists, task, shots, experiment, "train")
    if chosen.empty:
        raise InputError(f"{task}: expected the list of {shots} shots, experiment {experiment}, found none")
    positions = pd.Index(cases["image"]).get_indexer(chosen["image"])
    if (positions < 0).any():
        image = chosen["image"].iloc[int(np.argmax(positions < 0))]
        raise InputError(f"{task}: {image!r} of the list of {shots} shots, experiment {experiment}, is no image of it")
    return positions if protocol == "sound" else np.repeat(positions, chosen["times"])


def scored_by_few_shot(cases: pd.DataFrame, protocol: str) -> np.ndarray:
    """Which images (N,) bool of one task few-shot methods are scored on: test_WithLabel.

    By `sound` less those whose group, with twins joined, also has an image that support sets are drawn from.
    """
    scored = (cases["part"] == "test_WithLabel") & (cases["labelled"] == 1)
    if protocol == "sound":
        scored &= ~cases["group"].isin(cases.loc[cases["part"].isin(TRAINVAL), "group"])
    return scored.to_numpy()


def _mixed(labelled: pd.DataFrame, seed: int, train_share: float) -> pd.Series:
    """Images dealt to train and test, whatever study they are of."""
    order = np.random.default_rng(seed).permutation(len(labelled))
    train = order < round(train_share * len(labelled))
    return pd.Series(np.where(train, "train", "test"), index=labelled.index)


def _by_groups(labelled: pd.DataFrame, seed: int, shares: Mapping[str, float]) -> pd.Series:
    """Groups dealt to train, val and test, so that each finding has its share in each.

    Groups differ in size. So, unless nearly each image is a group, several deals are made, and the one is taken whose
    splits have the shares that are nearest to those wanted, of images and of images with each finding.
    """
    codes, groups = pd.factorize(labelled["group"])
    truth = truth_of(labelled).reshape(len(labelled), -1)
    counted = np.hstack([truth, truth.max(axis=1, keepdims=True, initial=0) == 0])  # last: without a finding
    present = np.zeros((len(groups), counted.shape[1]), np.int64)
    np.maximum.at(present, codes, counted)
    wanted = {"train": 1 - shares["val"] - shares["test"], **shares}
    weighed = np.hstack([counted, np.ones((len(labelled), 1))])
    weighed /= np.maximum(weighed.sum(axis=0), 1)
    deals = []
    for draw in range(1 if len(groups) > MOSTLY_ALONE * len(labelled) else DEALS):
        split = _dealt(present, shares, (seed + 1000 * draw) % 2**32)[codes]
        apart = max(abs(weighed[split == name].sum(axis=0) - share).max() for name, share in wanted.items())
        deals.append((apart, draw, split))
    return pd.Series(min(deals, key=lambda deal: deal[:2])[2], index=labelled.index)


def _dealt(present: np.ndarray, shares: Mapping[str, float], seed: int) -> np.ndarray:
    """The split of each group (G,); `present` (G, findings): whether a group has an image with it."""
    from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit  # imports scikit-learn, which takes a second

    split, rest = np.full(len(present), "train", dtype=object), np.arange(len(present))
    for name, share in (("test", shares["test"]), ("val", shares["val"] / (1 - shares["test"]))):
        if round(share * len(rest)) < 1 or len(rest) < len(SPLITS):
            return split
        dealer = MultilabelStratifiedShuffleSplit(n_splits=1, test_size=share, random_state=seed)
        kept, taken = next(dealer.split(np.zeros(len(rest)), present[rest]))
        split[rest[taken]] = name
        rest = rest[kept]
    return split
