"""The folds of the published image tree: used as they are, or one finding says why not, and no slice is lost."""

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ms_dataset import write_tree
from mslesion.analysis.protocols import has_folds, splits
from mslesion.audit import split_cases
from mslesion.data.raw_scans import check_dataset
from reprise.step.errors import InputError


def move(root: Path, start: str, end: str, pattern: str = "*") -> None:
    """Move slices and their masks from one folder of the tree to another."""
    for annot in ("", "annot"):
        source, target = (Path(root, *folder.split("/")) for folder in (start, end))
        source, target = (path.parent.with_name(path.parent.name + annot) / path.name for path in (source, target))
        target.mkdir(parents=True, exist_ok=True)
        for path in list(source.glob(pattern)):
            path.rename(target / path.name)
        if not list(source.iterdir()):
            source.rmdir()


def test_folds_of_whole_scans_are_used_as_they_are(tmp_path: Path) -> None:
    checked = check_dataset(write_tree(tmp_path / "raw"))
    assert checked.cases["fold"].tolist() == [1, 1, 2] and has_folds(checked.cases, 2)
    assert splits(checked.cases, "published", 2, 1).tolist() == ["val", "val", "train"]
    order = checked.findings[checked.findings["finding"].str.contains("text, in which 10 comes before 2")]
    assert sorted(order["file"]) == ["P1_T1", "P1_T2", "P2_T1"]


WRONG: dict[str, Callable[[Path], object]] = {
    "P1_T1 in train1 (3 slices), val1 (3 slices); this concerns 1 of 3": lambda root: move(
        root, "train2/P1_T1", "train1/P1_T1"
    ),
    "P1_T2 in train1 (1 slices), train2 (4 slices), val1 (3 slices); this concerns 1 of 3": lambda root: move(
        root, "val1/P1_T2", "train1/P1_T2", "*_8.png"
    ),
    "P2_T1 in val1 (5 slices), val2 (5 slices); this concerns 1 of 3": lambda root: move(
        root, "train1/P2_T1", "val1/P2_T1"
    ),
    "P1_T2 in train2 (3 slices), val1 (4 slices); this concerns 1 of 3": lambda root: [
        next((root / f"train2{annot}" / "P1_T2").glob("*_11.png")).unlink() for annot in ("", "annot")
    ],
    "P1_T1 in val1 (3 slices); this concerns 1 of 3": lambda root: [
        shutil.rmtree(root / f"train2{annot}" / "P1_T1") for annot in ("", "annot")
    ],
}


@pytest.mark.parametrize("found", WRONG)
def test_other_trees_are_dealt_out_anew_with_all_their_slices(tmp_path: Path, found: str) -> None:
    root = write_tree(tmp_path / "raw")
    WRONG[found](root)
    checked = check_dataset(root)
    assert checked.cases["slices"].tolist() == [3, 4, 5] and checked.cases["fold"].tolist() == [0, 0, 0]
    notes = [text for text in checked.findings["finding"] if "folds are not used" in text]
    assert len(notes) == 1 and f"all other folds, found {found} scans" in notes[0]


def test_a_tree_without_folds_is_dealt_out(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "raw")
    for part in ("train", "val"):
        shutil.rmtree(root / f"{part}2"), shutil.rmtree(root / f"{part}2annot")
        (root / f"{part}1").rename(root / part), (root / f"{part}1annot").rename(root / f"{part}annot")
    checked = check_dataset(root)
    assert checked.cases["fold"].tolist() == [0, 0, 0]
    assert any("found P2_T1 in train1 (5 slices)" in text for text in checked.findings["finding"])


def test_a_slice_that_differs_between_folders_is_refused(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "raw")
    first, other = (root / folder / "P1_T1" / "training_P1_T1_flair_pp_8.png" for folder in ("train2", "val1"))
    shutil.copy(first.with_name("training_P1_T1_flair_pp_9.png"), other)
    message = r"val1/P1_T1/training_P1_T1_flair_pp_8.png: expected the same slice as train2/.*_8.png, found other cont"
    with pytest.raises(InputError, match=message):
        check_dataset(root)


def test_another_number_of_folds_is_said_and_slices_are_dealt_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = check_dataset(write_tree(tmp_path / "raw")).cases
    assert splits(cases, "published", 3, 1).tolist() == ["val", "train", "train"]
    for folds, said in ((3, "has 2 folds of its own, which are not used: this run has 3 folds"), (2, "")):
        split_cases(argparse.Namespace(settings={"unit": "scan", "folds": folds}), cases.copy())
        printed = "".join(capsys.readouterr())
        assert said in printed and bool(printed) == bool(said)
