"""The phantom is as odd as the release: its counts, its names, its lists with leaks; and its findings can be found."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medfm.analysis.protocols import TASKS, of_task, truth_of
from medfm.data.official_lists import EXPERIMENTS, SHOTS
from medfm.data.published_counts import IMAGES, POSITIVES
from medfm.data.raw_images import CheckedImages, check_dataset
from medfm.phantom.findings_drawn import drawn
from medfm.phantom.made_up_truth import made_up, support_images
from medfm.phantom.phantom_set import write_phantom

NAMES = {
    "chest": r"(5[0-9A-F]{14}|DX\.1\.2\.840\.113619\.2\.\d+|CR\.1\.2\.156\.600734\.\d+)\.png",
    "colon": r"P\d+_2020-01-01 10_00_00-lv1-\d+-23000-2800-3500p\d{4}\.png",
    "endo": r"13333_2021\.12_\d{4}_\d{8}\.png",
}


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CheckedImages]:
    """A small phantom, and what its check gives."""
    folder = tmp_path_factory.mktemp("phantom") / "raw"
    write_phantom(folder, {"endo": 70, "chest": 70, "colon": 80}, 48, 3, 1)
    return folder, check_dataset(folder)


@pytest.mark.parametrize("task", TASKS)
def test_of_the_published_size_it_has_the_published_counts(task: str) -> None:
    table = made_up(np.random.default_rng(0), task, sum(IMAGES[task].values()))
    assert table["image"].str.fullmatch(NAMES[task]).all() and not table["image"].duplicated().any()
    if task != "colon":  # whose slides are drawn, and dealt to the parts as wholes
        assert table["part"].value_counts().to_dict() == IMAGES[task]
    trained = table["part"].isin(["train_20", "val_20"])
    for pool, rows in (("trainval", table[trained]), ("test_WithLabel", table[table["part"] == "test_WithLabel"])):
        counts = rows[list(TASKS[task])].sum().to_numpy()
        slack = 10 if task != "colon" else 0.15 * len(rows)  # twins, and the image with most findings
        assert np.abs(counts - POSITIVES[task][pool]).max() <= slack
    if task == "endo":
        assert not table["tumor"][table["part"] == "test_WithLabel"].any(), "as published, this test has no tumour"
    truth = table[list(TASKS[task])].to_numpy()
    assert truth.sum(axis=1).max() >= min(10, len(TASKS[task]))
    together = pd.DataFrame(truth).corr().to_numpy() if task != "colon" else np.ones((1, 1))
    assert task == "colon" or (together[np.triu_indices(len(together), 1)] > 0.25).any(), "findings come together"


def test_studies_and_slides_lie_in_the_lists_as_published() -> None:
    colon = made_up(np.random.default_rng(1), "colon", 10009)
    assert (colon[colon["twin_of"] == ""].groupby("study")["tumor"].nunique() == 1).all()
    studies = {part: set(rows["study"]) for part, rows in colon.groupby("part")}
    assert not studies["train_20"] & studies["val_20"]
    assert not (studies["train_20"] | studies["val_20"]) & (studies["test_WithLabel"] | studies["test_WithoutLabel"])
    assert len(studies["test_WithLabel"] & studies["test_WithoutLabel"]) > 290
    endo = made_up(np.random.default_rng(1), "endo", 3865)
    studies = {part: set(rows["study"]) for part, rows in endo.groupby("part")}
    assert len(studies["train_20"] & studies["val_20"]) >= 22
    assert len(studies["test_WithLabel"] & studies["test_WithoutLabel"]) == 1
    assert (endo["study"] == endo["image"].str[:18]).all() and (colon["study"] == colon["image"].str[:-9]).all()


def test_a_support_set_has_images_of_so_many_studies_of_each_class() -> None:
    rng = np.random.default_rng(2)
    table = made_up(rng, "colon", 10009)
    trainval = table[table["part"].isin(["train_20", "val_20"]) & (table["twin_of"] == "")]
    support = trainval[trainval["image"].isin(support_images(rng, trainval, "colon", 5))]
    assert support.groupby("tumor")["study"].nunique().to_dict() == {0: 5, 1: 5}
    chest = made_up(rng, "chest", 4848)
    chosen = support_images(rng, chest[chest["part"].isin(["train_20", "val_20"])], "chest", 10)
    assert len(chosen) >= 18 * 10 > len(set(chosen)), "lines repeat images that were drawn for two findings"


def test_it_is_read_without_a_problem_and_its_lists_leak_as_published(phantom: tuple[Path, CheckedImages]) -> None:
    folder, checked = phantom
    assert checked.cases["task"].value_counts().to_dict() == {"chest": 70, "colon": 80, "endo": 70}
    assert not (checked.findings["severity"] == "excluded").any()
    wide = checked.lists.groupby(["task", "shots", "experiment", "kind"])["image"].agg(set).unstack()
    assert len(wide) == len(TASKS) * len(SHOTS) * len(EXPERIMENTS)
    leaks = pd.Series([len(row.train & row.val) for row in wide.itertuples()], index=wide.index).groupby("task").sum()
    assert leaks["chest"] > 0 and leaks["endo"] > 0 and leaks["colon"] == 0
    assert (checked.lists["times"] > 1).any()
    assert all((folder / f"MedFMC_train/{task}/images").is_dir() for task in TASKS)


def test_the_twins_that_it_says_are_those_that_the_check_finds(phantom: tuple[Path, CheckedImages]) -> None:
    folder, checked = phantom
    planted = pd.read_csv(folder / "twins.csv")
    images = checked.cases.set_index(["task", "image"])
    pairs = [[(row.task, row.image), (row.task, row.twin_of)] for row in planted.itertuples()]
    assert len(pairs) == 9 and all(images["twin"][one] == images["twin"][other] != "" for one, other in pairs)
    assert (images["twin"] != "").sum() == 18 and (images["sha256"].nunique() == 220), "copies are saved anew"
    assert all(images["group"][one] == images["group"][other] for one, other in pairs)


def test_boxes_say_where_each_finding_is(phantom: tuple[Path, CheckedImages]) -> None:
    folder, checked = phantom
    boxes = pd.read_csv(folder / "boxes.csv")
    for task in TASKS:
        cases = of_task(checked.cases, task)
        places = boxes[boxes["task"] == task].pivot_table(
            index="image", columns="finding", values="top", aggfunc="size"
        )
        found = places.reindex(index=cases["image"], columns=TASKS[task]).fillna(0).to_numpy()
        assert np.array_equal(found, truth_of(cases))
    sizes = boxes.merge(checked.cases, on=["task", "image"])
    assert (
        (sizes["top"] >= 0).all()
        and (sizes["top"] < sizes["bottom"]).all()
        and (sizes["bottom"] <= sizes["height"]).all()
    )
    assert (
        (sizes["left"] >= 0).all()
        and (sizes["left"] < sizes["right"]).all()
        and (sizes["right"] <= sizes["width"]).all()
    )


@pytest.mark.parametrize(("task", "finding"), [(task, finding) for task in TASKS for finding in TASKS[task]])
def test_a_finding_changes_its_box_and_nothing_else(task: str, finding: str) -> None:
    labels = [int(name == finding) for name in TASKS[task]]
    images = []
    for shown in ([0] * len(labels), labels):
        rng, style = np.random.default_rng(7), np.random.default_rng(8)
        image, boxes = drawn(rng, style, task, shown, 96)
        images.append(image.astype(float))
    (box,) = boxes.values()
    changed = np.abs(images[1] - images[0]).mean(axis=2)
    inside = np.zeros(changed.shape, bool)
    inside[box["top"] : box["bottom"], box["left"] : box["right"]] = True
    assert set(boxes) == {finding} and changed[inside].mean() > 2.5 * changed[~inside].mean()
    assert changed[~inside].mean() < 8, "only the noise of the camera differs there"


def test_the_files_depend_on_the_seed_alone(phantom: tuple[Path, CheckedImages], tmp_path: Path) -> None:
    folder, _ = phantom
    write_phantom(tmp_path / "again", {"chest": 70, "colon": 80, "endo": 70}, 48, 3, 2)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert files == sorted(
        path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*") if path.is_file()
    )
    assert all((folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in files)
    assert all(re.fullmatch(NAMES[name.parts[1]], name.name) for name in files if name.suffix == ".png")
