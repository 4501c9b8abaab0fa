"""A configuration's problems are all told at once, each in one line."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reprise import configuration
from reprise.configuration import check_configuration, study_settings
from reprise.errors import InputError

ROOT = Path(__file__).resolve().parent.parent


def config(**changes: Any) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "config.yaml").read_text()) | changes


def problems(value: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        check_configuration(value)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def test_the_projects_own_configuration_is_good() -> None:
    check_configuration(config())
    check_configuration(config(schedule="published", seed=[0, 1]))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sead": 1}, "config.yaml: unknown key 'sead'; did you mean 'seed'?"),
        (
            {"seed": "1e3"},
            "config.yaml: seed: found '1e3', expected a whole number from 0 on, or a list of such numbers",
        ),
        ({"device": "gpu"}, "config.yaml: device: found 'gpu', expected auto, cpu or cuda"),
        (
            {"data": {"echonet": "no/such", "mslesion": "phantom"}},
            "config.yaml: data: echonet: no such folder: no/such",
        ),
        ({"data": {"mslesion": "phantom"}}, "config.yaml: data: echonet: missing; expected phantom or a folder"),
        ({"input": "no/clips"}, "config.yaml: input: no such file or folder: no/clips"),
    ],
)
def test_one_line_a_problem(changes: dict[str, Any], expected: str) -> None:
    assert problems(config(**changes)) == [expected]


def test_all_problems_at_once() -> None:
    found = problems(config(sead=1, device=3, schedule="demos", models={"echonet": {"segmentation": [], "ef": ["x"]}}))
    assert len(found) == 5, found


def test_hyper_parameters_are_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "config", tmp_path, dirs_exist_ok=True)
    good = (tmp_path / "echonet.yaml").read_text()
    (tmp_path / "echonet.yaml").write_text(good.replace("lr: 1.0e-4", "lr: 1e-4").replace("pad:", "pda:"))
    monkeypatch.setattr(configuration, "CONFIG", tmp_path)
    study_settings.cache_clear()
    found = problems(config(schedule="published"))
    study_settings.cache_clear()
    assert "config/echonet.yaml: ef: optimiser: lr: found '1e-4', expected a number above 0" in "\n".join(found)
    assert "config/echonet.yaml: ef: unknown key 'pda'; did you mean 'pad'?" in found


def test_demo_lies_over_published() -> None:
    published, demo = study_settings("echonet", "published"), study_settings("echonet", "demo")
    assert demo["ef"]["width"] < 1 == published["ef"]["width"]
    assert demo["ef"]["pad"] == published["ef"]["pad"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(config())), json_values)
def test_any_value_is_accepted_or_explained(key: str, value: Any) -> None:
    try:
        check_configuration(config(**{key: value}))
    except InputError as error:
        assert str(error).count("\n") >= 1
