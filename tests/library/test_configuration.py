"""A configuration is read as it was typed, or all its problems are named at once, one per line."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from snakemake.cli import parse_config
from snakemake.utils import update_config

from reprise.engine import configuration
from reprise.engine.configuration import (
    check_configuration,
    hide_input,
    known_sets,
    read_as_typed,
    refuse_endless,
    set_environment,
    study_settings,
)
from reprise.engine.folders import OWN_FOLDER
from reprise.step.errors import InputError
from workflow_rules import STUDIES

ROOT = Path(__file__).resolve().parents[2]


def config(**changes: Any) -> dict[str, Any]:
    """The project's configuration, changed; data are changed for the first two studies."""
    if isinstance(changes.get("data"), dict):
        changes["data"] = dict.fromkeys(STUDIES[2:], "phantom") | changes["data"]
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
            "config.yaml: seed: found '1e3', expected a whole number from 0 on, or a list of such numbers, such as "
            "[0, 1]",
        ),
        ({"device": "gpu"}, "config.yaml: device: found 'gpu', expected auto, cpu or cuda"),
        (
            {"data": {"echonet": "no/such", "mslesion": "phantom"}},
            "config.yaml: data: echonet: no such folder: no/such",
        ),
        ({"data": {"mslesion": "phantom"}}, "config.yaml: data: echonet: missing; expected phantom or a folder"),
        (
            {"data": {"echonet": "phantom", "mslesion": "open_ms"}},
            "config.yaml: data: mslesion: no such folder: open_ms; known sets: open_ms_data",
        ),
        (
            {"data": {"echonet": "https://me:KEY@x.org/a.zip", "mslesion": "phantom"}},
            "config.yaml: data: echonet: a link with a password in it: commands and logs would show it; put it into "
            "~/.netrc",
        ),
        (
            {"data": {"echonet": "https:/x.org/a.zip?KEY", "mslesion": "phantom"}},
            "config.yaml: data: echonet: no such folder: https:/x.org/a.zip",
        ),
        (
            {"weights": {"a": "https:///a.pth?KEY"}},
            "config.yaml: weights: a: expected a link such as https://HOST/FILE or file:FILE, found 'https:///a.pth'",
        ),
        (
            {"mirror": "https://x.org/?KEY"},
            "config.yaml: mirror: expected a URL without a key, such as https://HOST/FOLDER",
        ),
        ({"mirror": "x.org"}, "config.yaml: mirror: expected a URL without a key, such as https://HOST/FOLDER"),
        (
            {"downloads": "results/downloads"},
            "config.yaml: downloads: inside results/, which `make clean` removes; name another folder",
        ),
        (
            {"data": {"echonet": "x" * 300, "mslesion": "phantom"}},
            f"config.yaml: data: echonet: no such folder: {'x' * 300}",
        ),
        ({"input": "no/clips"}, "config.yaml: input: no such file or folder: no/clips"),
        ({"ef_weights": "no/file"}, "config.yaml: ef_weights: no such file or folder: no/file"),
    ],
)
def test_one_line_per_problem(changes: dict[str, Any], expected: str) -> None:
    assert problems(config(**changes)) == [expected]


def test_a_set_and_a_folder_of_one_name_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    by_name = config(data={"echonet": "file:~/echo.zip", "mslesion": "open_ms_data"})
    check_configuration(by_name)
    (tmp_path / "open_ms_data").mkdir()
    (found,) = problems(by_name)
    assert found.endswith("is a set to download, and a folder here; write ./open_ms_data for the folder, or rename it")
    check_configuration(config(data={"echonet": "phantom", "mslesion": "./open_ms_data"}))


def test_a_row_of_the_table_of_sets_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "config", tmp_path, dirs_exist_ok=True)
    table = tmp_path / "datasets.yaml"
    table.write_text(table.read_text().replace("terms: CC BY", "term: CC BY").replace("url: https", "url: http"))
    monkeypatch.setattr(configuration, "CONFIG", tmp_path)
    known_sets.cache_clear()
    found = problems(config())
    table.write_text("- a list")
    known_sets.cache_clear()
    with pytest.raises(InputError, match=r"config/datasets\.yaml: not readable: "):
        check_configuration(config())
    known_sets.cache_clear()
    where = "config/datasets.yaml: mslesion: open_ms_data"
    assert f"{where}: 'terms' is missing" in found and f"{where}: unknown key 'term'; did you mean 'terms'?" in found
    assert [line for line in found if line.startswith(f"{where}: url: found 'http://")]


NUMBER = "a name that is a number needs ./ before it"
FOLDER = "a folder of clips, of FLAIR volumes, of cardiac stacks, of infant brains or of images"


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        (["seed=[0,1]"], "seed", [0, 1]),
        (["seed=[0, 1.0]"], "seed", [0, 1]),
        (["seed=1.0"], "seed", 1),
        (["seed=01"], "seed", 1),
        (["processes=2.0"], "processes", 2),
        (["compile=off"], "compile", "off"),
        (["deterministic=true"], "deterministic", True),
        (["deterministic=no"], "deterministic", False),
        (["studies=[echonet]"], "studies", ["echonet"]),
        (["checkpoint_every=90 steps"], "checkpoint_every", "90 steps"),
        (["input=~/clips"], "input", "{home}/clips"),
        (["input='~/clips'"], "input", "{home}/clips"),
        (["input=./2023_01_02"], "input", "./2023_01_02"),
        (["ef_weights=~/clips"], "ef_weights", "{home}/clips"),
        (["downloads=~/new"], "downloads", "{home}/new"),
        (
            ["data={echonet: ~/clips}"],
            "data",
            {"echonet": "{home}/clips"} | dict.fromkeys(STUDIES[1:], "phantom"),
        ),
        (["weights={a: https://x.org/~a, b: ~/b}"], "weights", {"a": "https://x.org/~a", "b": "{home}/b"}),
    ],
)
def test_what_is_typed_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], key: str, value: Any
) -> None:
    for name in ("clips", "2023_01_02"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    # As text, so that 1, 1.0 and True are not the same.
    expected = json.dumps(value, sort_keys=True).replace("{home}", str(tmp_path))
    assert json.dumps(typed(words)[key], sort_keys=True) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["input=2023_01_02"], f"input: found 20230102, expected {FOLDER}; {NUMBER}"),
        (["input="], f"input: found nothing, expected {FOLDER}; {NUMBER}"),
        (["input=~nobody-of-this-name/x"], "input: no such file or folder: ~nobody-of-this-name/x"),
        (["heart_weights=12"], f"heart_weights: found 12, expected a .safetensors file; {NUMBER}"),
        (["tissue_weights=12"], f"tissue_weights: found 12, expected a .safetensors file; {NUMBER}"),
        (["lesion_weights=12"], f"lesion_weights: found 12, expected a .safetensors file; {NUMBER}"),
        (["data=phantom"], "data: found 'phantom', expected for each study the word phantom, or a folder, such as "),
        (
            ["studies=echonet"],
            "studies: found 'echonet', expected a list of studies that have a file in rules/, such as ",
        ),
        (
            ["data={mslesion:x}"],
            "data: mslesion:x: found '', expected the word phantom, a folder, the name of a known set ",
        ),
        (["seed=0,1"], "seed: found '0,1', expected a whole number from 0 on, or a list of such numbers, such as "),
        (["seed=[0,x]"], "seed: found ['0', 'x'], expected a whole number from 0 on, or a list of such numbers"),
        (["seed=1.5"], "seed: found 1.5, expected a whole number from 0 on, or a list of such numbers, such as "),
        (["seed=2023-13-45"], "seed: found '2023-13-45', expected a whole number from 0 on"),
        (["compile=on"], "compile: found 'on', expected auto or off"),
        (["deterministic=maybe"], "deterministic: found 'maybe', expected true or false"),
        (["checkpoint_every=60"], "checkpoint_every: found 60, expected a number of seconds or steps, such as "),
    ],
)
def test_what_cannot_be_understood_gets_one_line(words: list[str], expected: str) -> None:
    (found,) = problems(typed(words))
    assert found.startswith(f"config.yaml: {expected}")


def typed(words: list[str]) -> dict[str, Any]:
    """The configuration of `snakemake --config WORDS`."""
    chosen = config()
    update_config(chosen, parse_config(words))
    read_as_typed(chosen)
    return chosen


def test_a_long_list_of_problems_is_cut() -> None:
    found = problems(config(**{f"unknown_{number:02}": 1 for number in range(60)}))
    assert len(found) == 51 and found[-1] == "... and 10 more"


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


ALIASES = "".join(f"a{one}: &a{one} [{', '.join([f'*a{one - 1}'] * 9)}]\n" for one in range(1, 30))


@pytest.mark.parametrize(
    "text", [f"a0: &a0 [x]\n{ALIASES}", "a: &a [*a]", "{" + ",".join(map(str, range(10_001))) + "}"]
)
def test_values_without_end_are_refused_at_once(text: str) -> None:
    with pytest.raises(InputError, match=r"study\.yaml: expected at most 10000 values, found more"):
        refuse_endless("study.yaml", yaml.safe_load(text))


def test_endless_hyper_parameters_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "echonet.yaml").write_text(f"a0: &a0 [x]\n{ALIASES}published: *a29\ndemo: {{}}\n")
    monkeypatch.setattr(configuration, "CONFIG", tmp_path)
    study_settings.cache_clear()
    with pytest.raises(InputError, match=r"config/echonet\.yaml: expected at most 10000 values"):
        study_settings("echonet", "demo")
    study_settings.cache_clear()


def test_the_folder_of_a_users_files_goes_to_jobs_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(OWN_FOLDER, raising=False)
    monkeypatch.setenv(OWN_FOLDER, "before")
    words, command = ["input=Roe Richard", "seed=1"], ["snakemake", "--config=input=Roe\nRichard", "seed=1", "x"]
    hide_input({"input": "Roe Richard"}, words, command, False)
    assert words == ["seed=1"] and command == ["snakemake", "--config=input=FOLDER", "seed=1", "x"]
    in_a_job: dict[str, Any] = {"seed": 1}
    hide_input(in_a_job, words, command, True)
    assert in_a_job == {"seed": 1, "input": "Roe Richard"}
    typed_next: dict[str, Any] = {"seed": 1}
    hide_input(typed_next, words, command, False)
    assert typed_next == {"seed": 1}


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
    chosen = config(**{key: value})
    try:
        read_as_typed(chosen)
        check_configuration(chosen)
    except InputError as error:
        assert str(error).count("\n") >= 1


def test_what_the_compiler_makes_lies_with_the_results_unless_the_user_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for given_by_user, expected in (({}, str(tmp_path / "results/compiled")), ({"TORCHINDUCTOR_CACHE_DIR": "x"}, "x")):
        monkeypatch.setattr(os, "environ", given_by_user)
        set_environment()
        assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == expected
