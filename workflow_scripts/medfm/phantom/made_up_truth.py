"""The truth of the phantom: names, studies, official parts and labels, as frequent and as joined as published."""

import numpy as np
import pandas as pd

from medfm.analysis.protocols import TASKS, TRAINVAL
from medfm.data.published_counts import IMAGES, STUDIES, shares_of

# Findings that come together; each group has a severity of its own in each image.
TOGETHER = {"chest": (0, 1, 0, 0, 0, 2, 0, 2, 2, 2, 1, 0, 1, 0, 1, 0, 1, 0, 0), "colon": (0,), "endo": (0, 1, 1, 0)}


def made_up(rng: np.random.Generator, task: str, count: int) -> pd.DataFrame:
    """One row an image: task, image, study, official, part, findings, drawn_as, style, twin_of (or "")."""
    share = count / sum(IMAGES[task].values())
    sizes = {part: max(8, round(share * published)) for part, published in IMAGES[task].items()}
    sizes["test_WithoutLabel"] = count - sum(list(sizes.values())[:-1])
    table = pd.DataFrame({"part": np.repeat(list(sizes), list(sizes.values()))})
    trained = table["part"].isin(TRAINVAL).to_numpy()
    table["style"] = np.arange(count)
    if task != "chest":  # the number of a study or slide; both tests share slides, and one study of endoscopy
        training, test = (max(12, round(share * STUDIES[task].get(pool, 0))) for pool in ("trainval", "test_WithLabel"))
        apart = (task == "endo") * (table["part"] == "test_WithoutLabel").to_numpy() * (test - 1)
        numbers = np.where(trained, rng.integers(training, size=count), training + rng.integers(test, size=count))
        table["style"] = numbers + apart
    if task == "colon":  # whole slides validate
        table.loc[trained, "part"] = np.where(table["style"][trained] % 4, "train_20", "val_20")
    table["official"] = np.where(table["part"] == "test_WithoutLabel", "val", "train")
    table[list(TASKS[task])] = _labels(rng, task, table)
    table["image"], table["study"] = _names(task, table["style"].to_numpy())
    table = table.assign(task=task, drawn_as=np.arange(count), twin_of="")
    plain = table.index[(table["part"] == "train_20") & (table[TASKS[task][-1]] == 0)]  # no tumour, as in the test
    tests, shared = table.index[table["part"] == "test_WithLabel"], [*TASKS[task], "drawn_as", "style"]
    for original, copy in ((plain[0], plain[1]), (plain[2], tests[0]), (plain[3], tests[1])):  # twins
        table.loc[copy, [*shared, "twin_of"]] = table.loc[original, [*shared, "image"]].to_numpy()
    return table


def support_images(rng: np.random.Generator, trainval: pd.DataFrame, task: str, shots: int) -> list[str]:
    """A support set: for each class `shots` studies with it, and all their images with it; one may come twice."""
    chosen: list[str] = []
    for finding, label in [("tumor", 0)] * (task == "colon") + [(name, 1) for name in TASKS[task]]:
        having = trainval[trainval[finding] == label]
        studies = having["study"].unique()
        taken = rng.permutation(studies)[: min(shots, max(1, len(studies) - 1))]
        chosen += list(having["image"][having["study"].isin(taken)])
    return chosen


def _labels(rng: np.random.Generator, task: str, table: pd.DataFrame) -> np.ndarray:
    """Labels (N, findings): in each part those images with the highest severity, as many as published."""
    studies = rng.normal(size=(table["style"].max() + 1, 3))[table["style"]]
    severity = studies[:, list(TOGETHER[task])]
    if task == "colon":  # a slide has one label
        return (
            severity > np.quantile(severity[table["part"].isin(TRAINVAL)], 1 - shares_of(task, "trainval")[0])
        ).astype(int)
    severity = 0.8 * severity + 0.6 * rng.normal(size=severity.shape)
    labels = np.zeros(severity.shape, int)
    pools = np.where(table["part"].isin(TRAINVAL), "trainval", table["part"])
    for pool in ("test_WithLabel", "test_WithoutLabel", "trainval"):
        rows = np.flatnonzero(pools == pool)
        for finding, share in enumerate(shares_of(task, "test_WithLabel" if pool == "test_WithLabel" else "trainval")):
            wanted = max(3, round(share * len(rows))) if share else 0
            labels[rows[np.argsort(-severity[rows, finding])[:wanted]], finding] = 1
    labels[rows[np.argmax(severity[rows].sum(axis=1))]] = np.arange(len(TASKS[task])) < 10  # 10, or all of endoscopy
    return labels


def _names(task: str, studies: np.ndarray) -> tuple[list[str], list[str]]:
    """Names of images and of their studies or slides, in the published form."""
    forms = {"colon": ["P{0}_2020-01-01 10_00_00-lv1-{0}-23000-2800-3500"], "endo": ["13333_2021.12_{0:04d}"]}
    forms["chest"] = ["5{0:014X}", "DX.1.2.840.113619.2.{0}", "CR.1.2.156.600734.{0}"]
    ends = {"chest": "", "colon": "p{:04d}", "endo": "_{:08d}"}[task]
    names = [forms[task][number % len(forms[task])].format(number) for number in studies]
    numbers = pd.Series(names).groupby(names).cumcount()
    return [f"{name}{ends.format(number)}.png" for name, number in zip(names, numbers, strict=True)], names
