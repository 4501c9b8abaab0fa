"""What the official lists and the splits of each protocol share that they should not, as a table.

Columns: task, protocol (published | sound), subject (what is looked at), what (images, studies, positives and so on),
found, as_published (what was counted in the published lists, as text; empty if nothing was).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from medfm.analysis.protocols import SPLITS, TASKS, TRAINVAL, of_task, scored_by_few_shot, split_of, truth_of
from medfm.data.published_counts import IMAGES, OVERLAPS, POSITIVES, SHARED, STUDIES

COLUMNS = ["task", "protocol", "subject", "what", "found", "as_published"]
UNITS = {"chest": "images", "colon": "slides", "endo": "studies"}
TRAINING, IN_VALIDATION = "training images", "training images in the validation list"
Row = tuple[str, str, str, str, int, str]


def leak_table(cases: pd.DataFrame, lists: pd.DataFrame, seed: int, recipes: Mapping[str, Any]) -> pd.DataFrame:
    """All leaks of all tasks.

    Args:
        cases: of the store.
        lists: the few-shot lists, see `medfm.data.official_lists.few_shot_table`.
        seed: of the splits.
        recipes: what `split_of` takes, by protocol.
    """
    rows: list[Row] = []
    for task in TASKS:
        images = of_task(cases, task)
        rows += _official_contents(images, task)
        rows += _validation_lists(lists[lists["task"] == task], task)
        rows += _shared_groups(images, task)
        for protocol, recipe in recipes.items():
            split = split_of(images, protocol, seed, recipe)
            rows += _of_splits(images.assign(split=split), task, protocol)
        rows += _scored(images, task)
    return pd.DataFrame(rows, columns=COLUMNS)


def _official_contents(images: pd.DataFrame, task: str) -> Iterable[Row]:
    """How many images, and positives of each finding, the official lists have."""
    for part, published in IMAGES[task].items():
        yield task, "published", part, "images", int((images["part"] == part).sum()), str(published)
    labelled = images[images["labelled"] == 1]
    pools = {"trainval": labelled["part"].isin(TRAINVAL), "test_WithLabel": labelled["part"] == "test_WithLabel"}
    for pool, within in pools.items():
        counts = truth_of(labelled[within]).reshape(-1, len(TASKS[task])).sum(axis=0)
        for finding, count, published in zip(TASKS[task], counts, POSITIVES[task][pool], strict=True):
            yield task, "published", pool, f"positives of {finding}", int(count), str(published)


def _validation_lists(lists: pd.DataFrame, task: str) -> Iterable[Row]:
    """How many different images of each support set are in its validation list, too; and repeated lines."""
    for shots, of_shots in lists.groupby("shots"):
        shared, sizes, repeats = [], [], []
        for _, rows in of_shots.groupby("experiment"):
            train, val = (rows[rows["kind"] == kind] for kind in ("train", "val"))
            shared.append(int(train["image"].isin(val["image"]).sum()))
            sizes.append(len(train))
            repeats.append(int((train["times"] - 1).sum()))
        subject = f"{shots}-shot lists, all experiments"
        published = OVERLAPS[task].get(int(str(shots)), "")
        yield task, "published", subject, TRAINING, sum(sizes), ""
        yield task, "published", subject, IN_VALIDATION, sum(shared), published
        yield task, "published", subject, "repeated lines", sum(repeats), ""


def _shared_groups(images: pd.DataFrame, task: str) -> Iterable[Row]:
    """How many studies or slides, by their names alone, and how many images, are in two official lists."""
    studies = {part: set(images["study"][images["part"] == part]) for part in IMAGES[task]}
    twins = {part: set(images["twin"][(images["part"] == part)].dropna()) - {""} for part in IMAGES[task]}
    studies["trainval"] = studies["train_20"] | studies["val_20"]
    twins["trainval"] = twins["train_20"] | twins["val_20"]
    for pair in (*SHARED, ("trainval", "test_WithoutLabel")):
        subject = " and ".join(pair)
        if task != "chest":
            count = len(studies[pair[0]] & studies[pair[1]])
            yield task, "published", subject, f"{UNITS[task]} in both", count, str(SHARED.get(pair, {}).get(task, ""))
        yield task, "published", subject, "images that are in both", len(twins[pair[0]] & twins[pair[1]]), ""
    if task != "chest":
        yield task, "published", "trainval", UNITS[task], len(studies["trainval"]), str(STUDIES[task]["trainval"])


def _of_splits(images: pd.DataFrame, task: str, protocol: str) -> Iterable[Row]:
    """How many groups, and how many scored images, a protocol's split has on both sides."""
    used = images[images["split"].isin(SPLITS)]
    spread = used.groupby("group")["split"].nunique() > 1
    kind = "sound" if protocol == "sound" else "published"
    yield task, kind, f"split {protocol}", f"{UNITS[task]} in two splits", int(spread.sum()), ""
    trained = used["group"][used["split"].isin(("train", "val"))]
    scored = used[(used["split"] == "test") & used["group"].isin(trained)]
    yield task, kind, f"split {protocol}", "scored images whose group is trained on", len(scored), ""
    counts = truth_of(used[used["split"] == "test"]).sum(axis=0)
    absent = [finding for finding, count in zip(TASKS[task], counts, strict=True) if not count]
    yield task, kind, f"split {protocol}", "findings without a positive in test", len(absent), ", ".join(absent)


def _scored(images: pd.DataFrame, task: str) -> Iterable[Row]:
    """How many images of the test list few-shot methods are scored on."""
    for protocol in ("published", "sound"):
        count = int(scored_by_few_shot(images, protocol).sum())
        yield task, protocol, "few-shot methods", "images scored on", count, ""
