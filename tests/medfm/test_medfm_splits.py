"""Splits by each protocol: what is never on two sides, what is stratified, what the official lists decide."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medfm.analysis.leaks import leak_table
from medfm.analysis.protocols import PROTOCOLS, TASKS, scored_by_few_shot, split_of, support_of, truth_of
from medfm.data.official_lists import Listed, few_shot_table
from reprise.step.errors import InputError

RECIPE = {"train_share": 0.8, "shares": {"val": 0.1, "test": 0.2}}
PARTS = ["train_20", "val_20", "test_WithLabel", "test_WithoutLabel", "none"]


def images(count: int, groups: int, seed: int = 0, task: str = "endo") -> pd.DataFrame:
    """Images of one task with random labels, groups and parts; the last tenth has no labels."""
    rng = np.random.default_rng(seed)
    rates = rng.uniform(0.1, 0.5, len(TASKS[task]))
    labels = ["".join(map(str, row)) for row in (rng.random((count, len(rates))) < rates).astype(int)]
    known = np.arange(count) < count - count // 10
    table = {"case": [f"{task}-{n}" for n in range(count)], "task": task, "image": [f"{n}.png" for n in range(count)]}
    table |= {"group": [f"g{n}" for n in rng.integers(groups, size=count)], "part": rng.choice(PARTS, count)}
    table |= {"labelled": known.astype(int), "labels": np.where(known, labels, ""), "twin": ""}
    return pd.DataFrame(table).assign(study=lambda rows: rows["group"])


@settings(max_examples=25, deadline=None)
@given(st.integers(30, 200), st.integers(12, 60), st.integers(0, 3))
def test_sound_keeps_groups_together_and_leaves_out_what_has_no_labels(count: int, groups: int, seed: int) -> None:
    cases = images(count, groups, seed)
    split = split_of(cases, "sound", seed, RECIPE)
    used = split[split != "unused"]
    assert (used.groupby(cases["group"]).nunique() == 1).all()
    assert list(used.index) == list(cases.index[cases["labelled"] == 1])
    assert split.equals(split_of(cases, "sound", seed, RECIPE))


def test_sound_gives_each_finding_its_share_of_each_split() -> None:
    cases = images(3000, 3000, seed=2)  # as good as one image a group
    split = split_of(cases, "sound", 5, RECIPE)
    labelled = cases["labelled"] == 1
    whole = truth_of(cases[labelled]).mean(axis=0)
    for name, share in (("train", 0.7), ("val", 0.1), ("test", 0.2)):
        chosen = cases[split == name]
        assert len(chosen) / labelled.sum() == pytest.approx(share, abs=0.01)
        assert truth_of(chosen).mean(axis=0) == pytest.approx(whole, abs=0.02)
    assert not split.equals(split_of(cases, "sound", 6, RECIPE))


def test_sound_comes_near_the_shares_though_groups_differ_in_size() -> None:
    cases = images(1200, 40, seed=4)
    sizes = np.random.default_rng(4).pareto(1.5, 40) + 0.2
    cases["group"] = np.random.default_rng(5).choice([f"g{n}" for n in range(40)], 1200, p=sizes / sizes.sum())
    assert cases["group"].value_counts().max() > 3 * 1200 / 40
    split = split_of(cases, "sound", 2**40, RECIPE)
    counts = split[split != "unused"].value_counts(normalize=True)
    assert counts.to_dict() == pytest.approx({"train": 0.7, "val": 0.1, "test": 0.2}, abs=0.04)


def test_the_writeup_deals_images_whatever_study_they_are_of() -> None:
    cases = images(500, 20)
    split = split_of(cases, "by_writeup", 0, RECIPE)
    assert split.value_counts().to_dict() == {"train": 360, "test": 90, "unused": 50}
    assert (split[split != "unused"].groupby(cases["group"]).nunique() == 2).all(), "the habit is there"


def test_the_challenge_takes_the_official_lists() -> None:
    cases = images(100, 20)
    split = split_of(cases, "by_challenge", 0, RECIPE)
    expected = {"train_20": "train", "val_20": "val", "test_WithLabel": "test"}
    for row, found in zip(cases.to_dict("records"), split, strict=True):
        assert found == (expected.get(row["part"], "unused") if row["labelled"] else "unused")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_split_that_would_be_empty_is_one_line(protocol: str) -> None:
    cases = images(4, 1).assign(part="train_20")[:1]
    with pytest.raises(
        InputError, match=rf"^endo, {protocol}: expected images with labels for each of train, .*; none"
    ):
        split_of(cases, protocol, 0, RECIPE)


def test_few_shot_methods_see_repeats_as_published_and_never_what_they_are_scored_on_if_sound() -> None:
    cases = images(60, 30)
    lists = few_shot_table([Listed("a.txt", "endo", "endo_5-shot_train_exp3", ["7.png", "3.png", "7.png"], [""] * 3)])
    assert support_of(lists, cases, "endo", 5, 3, "published").tolist() == [7, 7, 3]
    assert support_of(lists, cases, "endo", 5, 3, "sound").tolist() == [7, 3]
    for args, expected in (((5, 4), "expected the list of 5 shots, experiment 4, found none"), ((5, 3), "is no image")):
        with pytest.raises(InputError, match=expected):
            support_of(lists, cases.assign(image=cases["image"] + "x"), "endo", *args, "sound")
    scored = scored_by_few_shot(cases, "published")
    assert scored.tolist() == ((cases["part"] == "test_WithLabel") & (cases["labelled"] == 1)).tolist()
    left = cases[scored_by_few_shot(cases, "sound")]
    learnt = set(cases["group"][cases["part"].isin(["train_20", "val_20"])])
    assert len(left) < scored.sum() and not learnt & set(left["group"])
    assert {*cases["group"][scored]} - learnt == set(left["group"])


def test_the_table_of_leaks_counts_what_a_loop_counts() -> None:
    cases = pd.concat([images(400, 60, seed, task) for seed, task in enumerate(TASKS)], ignore_index=True)
    cases.loc[cases.index % 50 == 0, "twin"] = "1"
    rng = np.random.default_rng(0)
    files = []
    for task in TASKS:
        for shots in (1, 5):
            for experiment in (1, 2):
                for kind in ("train", "val"):
                    chosen = [f"{number}.png" for number in rng.integers(400, size=80)]
                    files.append(Listed("", task, f"{task}_{shots}-shot_{kind}_exp{experiment}", chosen, [""] * 80))
    table = leak_table(cases, few_shot_table(files), 3, dict.fromkeys(PROTOCOLS, RECIPE))
    found = table.set_index(["task", "subject", "what"])["found"]
    assert not table.duplicated(["task", "protocol", "subject", "what"]).any()
    for task in TASKS:
        rows = cases[cases["task"] == task]
        by_name = {each.name: set(each.images) for each in files}
        names = [f"{task}_5-shot_{{}}_exp{experiment}" for experiment in (1, 2)]
        shared = sum(len(by_name[name.format("train")] & by_name[name.format("val")]) for name in names)
        assert found[task, "5-shot lists, all experiments", "training images in the validation list"] == shared > 0
        studies = {part: set(rows["study"][rows["part"] == part]) for part in PARTS}
        unit = {"colon": "slides", "endo": "studies"}.get(task)
        if unit:
            both = studies["test_WithLabel"] & studies["test_WithoutLabel"]
            assert found[task, "test_WithLabel and test_WithoutLabel", f"{unit} in both"] == len(both)
        assert found[task, "split sound", "scored images whose group is trained on"] == 0
        assert found[task, "split by_writeup", "scored images whose group is trained on"] > 0
        positives = truth_of(rows[(rows["part"] == "test_WithLabel") & (rows["labelled"] == 1)]).sum(axis=0)
        for finding, count in zip(TASKS[task], positives, strict=True):
            assert found[task, "test_WithLabel", f"positives of {finding}"] == count
        assert found[task, "trainval and test_WithLabel", "images that are in both"] == 1
