"""Submission files: written, read by a reader of its own, and each way to be wrong is one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from few_shot_example import small_lists
from findings_store import write_findings
from medfm import probe, write_submissions
from medfm.analysis.protocols import TASKS, of_task
from medfm.data.submissions import read_submission, submission_name, write_submission
from reprise.data.store import open_store, write_store
from reprise.step.errors import InputError

IMAGES = ["a 1.png", 'b, "2".png', "c.png"]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Names with spaces, commas and quotes; chest and endo have their scores, colon two columns that add up to 1."""
    for task, findings in {"chest": 19, "endo": 4, "colon": 1}.items():
        scores = np.random.default_rng(0).random((3, findings)).astype(np.float32)
        path = tmp_path / submission_name(task, 5)
        write_submission(path, task, IMAGES, scores)
        found = read_submission(path, IMAGES)
        np.testing.assert_allclose(found[:, -findings:], scores, atol=1e-8)
        if task == "colon":
            np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-7)
            assert path.read_text().splitlines()[0].split(",")[2] == f"{scores[0, 0]:.8f}"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a 1.png,0,1", "c.png,0,1"], "expected 3 rows, found 2"),
        (
            ["a 1.png,0,1", "c.png,0,1", '"b, ""2"".png",0,1'],
            "line 2: expected the image 'b, \"2\".png', found 'c.png'",
        ),
        (["img_id,normal,tumor", "a 1.png,0,1", "c.png,0,1"], "line 1: expected the image 'a 1.png', found 'img_id'"),
        (["a 1.png,1", "", ""], "line 1: expected 2 scores, found 1"),
        (["a 1.png,0,1,0", "", ""], "line 1: expected 2 scores, found 3"),
        (["a 1.png,-0.1,1.1", "", ""], "line 1: expected a score from 0 to 1, found '-0.1'"),
        (["a 1.png,nan,1", "", ""], "line 1: expected a score from 0 to 1, found 'nan'"),
        (["a 1.png,,1", "", ""], "line 1: expected a score from 0 to 1, found ''"),
        (["a 1.png,0.5,0.6", "", ""], "line 1: expected two scores that add up to 1, found 0.5 and 0.6"),
        (['"a 1.png,0,1', "", ""], "not a readable CSV"),
    ],
)
def test_wrong_rows_are_one_line(tmp_path: Path, lines: list[str], message: str) -> None:
    """The row and what was expected there."""
    path = tmp_path / "colon_1-shot_submission.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError) as error:
        read_submission(path, IMAGES)
    assert str(error.value) == f"{path}: {message}"


@pytest.mark.parametrize("name", ["colon_2-shot_submission.csv", "liver_1-shot_submission.csv", "colon_1-shot.csv"])
def test_wrong_names_are_one_line(tmp_path: Path, name: str) -> None:
    """The challenge knows nine names."""
    (tmp_path / name).write_text("")
    with pytest.raises(InputError, match=r"expected a name such as chest_1-shot_submission\.csv$"):
        read_submission(tmp_path / name, IMAGES)


@pytest.mark.parametrize("listed", [True, False])
def test_a_method_and_experiment_have_nine_files_in_the_order_of_the_val_csv(tmp_path: Path, listed: bool) -> None:
    """1, 5 and 10 shots of three tasks; also where the list test_WithoutLabel is absent and the val set has labels."""
    cases, arrays = open_store(write_findings(tmp_path / "whole"))
    cases = pd.concat([cases[cases["official"] == "train"], cases[cases["official"] == "val"][::-1]])  # as a CSV may be
    if not listed:
        unlabelled = cases["labelled"] == 0
        labels = cases["labels"].mask(unlabelled, cases["task"].map({name: "0" * len(TASKS[name]) for name in TASKS}))
        cases = cases.assign(labels=labels, labelled=1, part=cases["part"].mask(unlabelled, "none"))
    write_store(tmp_path / "store", cases, arrays)
    small_lists(cases, (1, 5, 10), experiments=2).to_csv(tmp_path / "lists.csv", index=False)
    features = np.random.default_rng(0).normal(size=(len(cases), 8)).astype(np.float32)
    write_store(tmp_path / "features", cases[["case"]], {"features": features})
    settings = {"methods": ["prototypes"], "shots": [1, 5, 10], "experiments": [1, 2]}
    options = {"store": tmp_path / "store", "lists": tmp_path / "lists.csv", "features": tmp_path / "features"}
    options |= {"settings": json.dumps(settings), "frozen": tmp_path / "vit-seed0/frozen"}
    run_step(probe, options)
    sent = {"store": tmp_path / "store", "answers": tmp_path / "vit-seed0/frozen", "submissions": tmp_path / "sent"}
    run_step(write_submissions, sent)
    for number in (1, 2):
        files = sorted((tmp_path / f"sent/vit-seed0/prototypes/exp{number}").iterdir())
        assert {file.name for file in files} == {submission_name(task, shots) for task in TASKS for shots in (1, 5, 10)}
        assert len(files) == 9
        for file in files:
            images = of_task(cases, file.name.split("_")[0]).query("official == 'val'")["image"]
            assert list(pd.read_csv(file, header=None)[0]) == list(images) and len(images) == 6


def run_step(step: Any, options: dict[str, object]) -> None:
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    step.main(step.arguments().parse_args(words))
