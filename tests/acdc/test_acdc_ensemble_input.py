"""Damaged stores of probabilities: one clear line, and no table is written."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from members_example import combine, make_members
from reprise.data.store import open_store, write_store
from reprise.step.errors import InputError

SOUND = "linknet-seed0/sound/probabilities"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_members(tmp_path_factory.mktemp("study"))


@pytest.fixture
def copied(study: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(study, tmp_path / "copy"))


def change_store(path: Path, change) -> None:
    cases, arrays = open_store(path)
    kept = {name: np.array(array) for name, array in arrays.items()}
    shutil.rmtree(path)
    write_store(path, *change(cases, kept))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda cases, arrays: (cases.drop(columns="split"), arrays), "expected the column split in its cases"),
        (lambda cases, arrays: (cases.assign(case=cases["case"] + "x"), arrays), "patient003-EDx: not in the store"),
        (lambda cases, arrays: (cases.assign(offset=0), arrays), "expected offsets of cases that lie one after"),
        (lambda cases, arrays: (cases.assign(split="test"), arrays), "linknet, sound: expected the cases of fpn"),
        (lambda cases, arrays: (cases, {"plain": arrays["plain"][1:]}), r"plain: expected \(48384, 4\) float16"),
        (
            lambda cases, arrays: (cases, {"plain": arrays["plain"] * np.float16("nan")}),
            "plain: expected probabilities from 0 to 1",
        ),
        (
            lambda cases, arrays: (cases, {"plain": arrays["plain"] * np.float16(2)}),
            "plain: expected probabilities from 0 to 1",
        ),
        (lambda cases, arrays: (cases, {"flips": arrays["flips"]}), "linknet: expected the array plain, found none"),
    ],
)
def test_bad_probabilities_get_one_line_and_nothing_is_written(copied: Path, change, message: str) -> None:
    change_store(copied / SOUND, change)
    with pytest.raises(InputError, match=message) as refused:
        combine(copied)
    assert len(str(refused.value).splitlines()) == 1 and not list((copied / "ensembles").glob("*"))
