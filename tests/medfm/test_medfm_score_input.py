"""Results that do not fit the data are refused in one line, and no table is written."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import medfm_tables as example
from reprise.data.store import open_store, write_store
from reprise.step.errors import InputError


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return example.make_results(tmp_path_factory.mktemp("results"))


@pytest.fixture
def copy(results: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(results, tmp_path / "study"))


def refused(copy: Path, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        example.score(copy)
    assert "\n" not in str(caught.value)
    assert not [name for name in example.OUTPUTS if (copy / f"{name}.csv").exists()]


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (3, "ulcer", 1.5, "expected scores from 0 to 1"),
        (3, "ulcer", np.nan, "expected scores from 0 to 1"),
        (2, "case", "chest-0001", "expected images of endo with labels and split test, each once; found 'chest-0001'"),
        (2, "case", None, "each once; found 'endo-"),
        (None, "split", "val", "each once; found none"),
    ],
)
def test_scores_of_other_images_and_other_numbers_are_refused(copy, row, column, value, message) -> None:
    path = copy / "densenet121-seed0" / "sound" / "endo" / "scores.csv"
    table = pd.read_csv(path)
    rows = table.index if row is None else [row]
    table.loc[rows, column] = table["case"].iloc[0] if value is None else value
    table.to_csv(path, index=False)
    refused(copy, f"scores\\.csv: .*{re.escape(message)}")


def test_a_history_without_epochs_is_refused(copy) -> None:
    (copy / "swin_base-seed0" / "by_writeup" / "chest" / "log.csv").write_text(
        "epoch,test_map,test_auc,test_accuracy\n"
    )
    refused(copy, r"log\.csv: no epochs")


def answers(copy: Path, column: str, value: object, scores: float | None = None) -> None:
    """Change a column of the first row of a store of answers, or all of its scores."""
    folder = copy / "few_shot" / f"{example.FEW_SHOT}-seed1" / "frozen"
    store = open_store(folder)
    cases, values = store.cases.copy(), np.array(store.arrays["scores"])
    if scores is not None:
        values[:] = scores
    else:
        cases[column] = cases[column].astype(object)
        cases.loc[0, column] = value
    shutil.rmtree(folder)
    write_store(folder, cases, {"scores": values})


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("experiment", 5, "frozen: linear_probe-sound-chest-1-shot-exp1-test: no experiment of this run"),
        ("images", 7, "expected 96 images, found 7"),
        ("offset", 10**6, "expected 1824 scores from 0 to 1"),
    ],
)
def test_answers_of_other_experiments_and_images_are_refused(copy, column, value, message) -> None:
    answers(copy, column, value)
    refused(copy, re.escape(message))


def test_answers_that_are_no_probabilities_are_refused(copy) -> None:
    answers(copy, "", None, scores=2.0)
    refused(copy, "scores from 0 to 1")
