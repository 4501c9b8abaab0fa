"""Which subjects train, validate and test by each protocol."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from iseg.analysis.protocols import PROTOCOLS, split_of
from reprise.data.store import write_store
from reprise.step.errors import InputError
from workflow_rules import CODE


def subjects(labelled: list[int], others: list[int] | None = None) -> pd.DataFrame:
    numbers = sorted([*labelled, *(others or [])])
    return pd.DataFrame(
        {
            "case": [f"subject-{n}" for n in numbers],
            "subject": numbers,
            "labelled": [int(n in labelled) for n in numbers],
        }
    )


RELEASED = subjects([*range(1, 11)], [*range(11, 24)])


def of(split: pd.Series, part: str) -> set[int]:
    return set(RELEASED["subject"][split == part])


def test_the_published_splits_of_the_release() -> None:
    thesis, master = (split_of(RELEASED, protocol, 1, 10) for protocol in ("by_thesis", "by_master"))
    assert of(thesis, "val") == {1} and of(thesis, "train") == {*range(2, 11)}
    assert of(master, "val") == {8, 9} and of(master, "train") == {1, 10, 2, 3, 4, 5, 6, 7}
    assert of(thesis, "unlabelled") == of(master, "unlabelled") == {*range(11, 24)}


def test_each_subject_of_the_release_is_left_out_once() -> None:
    for fold in range(1, 11):
        split = split_of(RELEASED, "sound", fold, 10)
        assert of(split, "test") == {fold} and of(split, "val") == {fold % 10 + 1}
        assert len(of(split, "train")) == 8 and of(split, "unlabelled") == {*range(11, 24)}


def test_crops_of_the_release_are_as_published() -> None:
    recipes = yaml.safe_load((CODE.parent / "config/iseg.yaml").read_text())["published"]
    slices, width, height = 144, 192, 256  # the published names of the axes of a file
    thesis = dict(zip(("height", "width", "slices"), (128, 128, 64), strict=True))
    assert recipes["phantom"]["shape"] == [slices, width, height]
    assert recipes["thesis"]["crop"] == [thesis[name] for name in ("slices", "width", "height")]
    assert recipes["master"]["crop"] == [64, 64, 64]


@given(st.data())
def test_each_labelled_subject_is_scored_once_and_never_helps_there(data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(1, 99), min_size=3, max_size=20, unique=True))
    others = data.draw(st.lists(st.integers(100, 120), max_size=4, unique=True))
    cases, folds = subjects(numbers, others), data.draw(st.integers(3, len(numbers)))
    splits = [split_of(cases, "sound", fold, folds) for fold in range(1, folds + 1)]
    tested = pd.concat([cases["subject"][split == "test"] for split in splits])
    assert sorted(tested) == sorted(numbers)
    for split in splits:
        assert (split[cases["labelled"] == 0] == "unlabelled").all()
        assert {"train", "val", "test"} <= set(split[cases["labelled"] == 1])


@pytest.mark.parametrize(
    ("protocol", "labelled", "problem"),
    [
        ("by_thesis", [4], "by_thesis: expected one with labels for each of train, val; found 1 subject with labels"),
        ("by_master", [4], "by_master: expected one with labels for each of train, val; found 1 subject with labels"),
        (
            "sound",
            [4, 5],
            "sound: expected 3 folds or more, a subject with labels in each; found 3 folds for 2 subjects with labels",
        ),
    ],
)
def test_too_few_subjects_are_refused(protocol: str, labelled: list[int], problem: str) -> None:
    with pytest.raises(InputError) as caught:
        split_of(subjects(labelled, [11]), protocol, 1, 3)
    assert str(caught.value) == problem


@pytest.mark.parametrize(("protocol", "fold", "last"), [("sound", 0, 3), ("sound", 4, 3), ("by_thesis", 2, 1)])
def test_a_fold_that_is_not_there_is_refused(protocol: str, fold: int, last: int) -> None:
    with pytest.raises(InputError, match=f"{protocol}: expected a fold from 1 to {last}, found {fold}"):
        split_of(RELEASED, protocol, fold, 3)


def test_two_subjects_are_enough_for_what_was_published() -> None:
    for protocol in PROTOCOLS[:2]:
        assert sorted(split_of(subjects([4, 7]), protocol, 1, 3)) == ["train", "val"]


def audit(folder: Path, cases: pd.DataFrame, folds: int) -> subprocess.CompletedProcess[str]:
    write_store(folder / "store", cases, {"t1": np.zeros(1, np.uint8)})
    step = [sys.executable, str(CODE / "iseg/audit.py"), "--store", "store", "--audit", "audit.json"]
    search = {"PYTHONPATH": str(CODE)}
    command = [*step, "--settings", json.dumps({"folds": folds})]
    return subprocess.run(command, cwd=folder, env=search, capture_output=True, text=True, check=False)


def test_the_audit_proves_all_folds(tmp_path: Path) -> None:
    cases = RELEASED.assign(sha256=[f"{n:064x}" for n in RELEASED["subject"]])
    assert audit(tmp_path, cases, 10).returncode == 0
    found = json.loads((tmp_path / "audit.json").read_text())
    assert found["cases"] == {"train": 8, "val": 1, "test": 1, "unlabelled": 13}
    assert found["validating"] == {"by_thesis": ["subject-1"], "by_master": ["subject-8", "subject-9"]}


def test_a_file_in_two_folds_is_found(tmp_path: Path) -> None:
    cases = RELEASED.assign(sha256=["0" * 64 if n in (5, 15) else f"{n:064x}" for n in RELEASED["subject"]])
    done = audit(tmp_path, cases, 10)
    assert done.returncode == 2 and "subject-5 (train), subject-15 (unlabelled)" in done.stderr
    assert not (tmp_path / "audit.json").exists()
