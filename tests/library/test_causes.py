"""Causes of staleness, in words."""

import json
from pathlib import Path
from typing import Any

import pytest

from reprise.engine.causes import input_causes, params_causes
from reprise.engine.records import remember


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def causes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Of two specs, each among another parameter, as Snakemake records them."""
    specs = [json.dumps({"code": "0", **spec}, sort_keys=True) for spec in (old, new)]
    return list(params_causes(*([repr("checkpoints"), repr(spec)] for spec in specs)))


def code(**files: list[list[str]]) -> str:
    return remember({f"{name}.py": remember(definitions) for name, definitions in files.items()})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"seed": 0}, {"seed": 0}, []),
        ({"optimiser": {"lr": 1e-5}}, {"optimiser": {"lr": 2e-5}}, ["optimiser.lr 1e-05 -> 2e-05"]),
        ({"width": 1}, {"width": 1.0}, ["width 1 -> 1.0"]),
        ({"decay": None}, {"decay": {"factor": 0.1}}, ['decay null -> {"factor": 0.1}']),
        ({}, {"pad": 12}, ["pad nothing -> 12"]),
    ],
)
def test_settings(old: dict[str, Any], new: dict[str, Any], expected: list[str]) -> None:
    assert causes(old, new) == expected


def test_code() -> None:
    one, two = ["function one", "1"], ["function two", "2"]
    old = code(a=[one, two], b=[one], c=[one, two])
    new = code(a=[one, ["function two", "3"], ["constant X", "4"]], d=[one], c=[two, one])
    assert causes({"code": old}, {"code": new}) == [
        "a.py: function two changed, constant X added",
        "b.py removed",
        "c.py: order changed",
        "d.py added",
    ]
    assert causes({"code": "forgotten"}, {"code": new}) == ["code changed (its earlier value is not on record)"]


def test_raw_files() -> None:
    old, new = remember({"a": "1", "b": "2"}), remember({"a": "3", "c": "2"})
    expected = ["raw file a replaced", "raw file b removed", "raw file c added"]
    assert causes({"raw": old}, {"raw": new}) == expected


def test_a_single_file_and_files_of_the_project() -> None:
    one, other = remember({"": "1"}), remember({"": "2"})
    assert causes({"ef_weights": one}, {"ef_weights": other}) == ["ef_weights replaced"]
    old, new = ({"project": remember({"config/a.yaml": digest, "b.lock": one})} for digest in (one, other))
    assert causes(old, new) == ["project file config/a.yaml replaced"]


def test_other_parameters_and_inputs() -> None:
    assert list(params_causes(["1", "'a'"], ["'b'", "1"])) == ["parameter 'a' -> 'b'"]
    assert list(input_causes(["a", "b"], ["b", "c", "d"])) == ["input c and 1 more added", "input a removed"]
