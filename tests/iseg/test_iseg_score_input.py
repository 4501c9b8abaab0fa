"""Damaged tables and predictions of something else: the step `score` ends with one line, and writes nothing."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from iseg_tables import change_predictions, make_results, score
from reprise.step.errors import InputError


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_results(tmp_path_factory.mktemp("study"))


@pytest.fixture
def copied(study: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(study, tmp_path / "copy"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(index=0), "vnet-seed0/sound/sums.csv: expected numbers for each of 12"),
        (
            lambda t: pd.concat([t, t.tail(1)]),
            "expected numbers for each of 12 activations and classes of a crop, once",
        ),
        (lambda t: t.assign(overlap=np.nan), "expected numbers for each of 12"),
        (lambda t: t.replace("wm", "bone"), "sums.csv: line 5: class: expected one of air, csf, gm, wm"),
        (
            lambda t: t[t["of"] != "subject-2"],
            "found predictions of subject-1, subject-10, subject-2 and sums of subject-1",
        ),
    ],
)
def test_damaged_sums_are_one_line(copied: Path, change: object, message: str) -> None:
    path = copied / "vnet-seed0/sound/sums.csv"
    change(pd.read_csv(path)).to_csv(path, index=False)  # type: ignore[operator]
    with pytest.raises(InputError) as caught:
        score(copied)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert not (copied / "metrics.csv").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c, v: (c.assign(of="subject-11"), v),
            "fold1-subject-1: subject-11 is no labelled subject of the store",
        ),
        (lambda c, v: (c.assign(x=10, y=32), v), "fold1-subject-1: expected classes below 4 on the grid (16, 20, 18)"),
        (lambda c, v: (c, v + 1), "found classes up to 4 on (16, 20, 18)"),
        (lambda c, v: (c.assign(of="subject-1"), v), "each once; found predictions of subject-1, subject-1, subject-1"),
        (lambda c, v: (c.drop(columns="of"), v), "predictions: expected case, of, fold"),
    ],
)
def test_predictions_of_something_else_are_one_line(copied: Path, change: object, message: str) -> None:
    change_predictions(copied, change)
    with pytest.raises(InputError) as caught:
        score(copied)
    assert message in str(caught.value) and "\n" not in str(caught.value)
