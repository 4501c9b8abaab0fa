"""The profiles have the right settings, here and under a scheduler, and share no key."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
import yte

from reprise.engine.plan import TRIGGERS

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = ROOT / "profiles/default/profile.yaml"
SLURM, GRID_ENGINE = ROOT / "slurm/profile.yaml", ROOT / "sge/profile.yaml"
BIG_JOB = """
rule train:
    output: "model.txt"
    threads: 64
    resources: gpu=1, nodes=1
    shell: "echo threads={threads} gpu={resources.gpu} > {output:q}"
"""


def read(profile: Path) -> dict[str, Any]:
    """The profile as Snakemake reads it."""
    with profile.open() as stream:
        return yte.process_yaml(stream, require_use_yte=True)


@pytest.fixture(autouse=True)
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of the command line that the profiles see."""
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)
    words = ["snakemake", "results/report.html"]
    monkeypatch.setattr(sys, "argv", words)
    return words


@pytest.mark.parametrize("options", [["--profile", "slurm"], ["--profile=sge"], []])
def test_default_profile_undoes_nothing_of_a_scheduler(options: list[str], typed: list[str]) -> None:
    typed.extend(options)
    shared = read(DEFAULT).keys() & (read(SLURM).keys() | read(GRID_ENGINE).keys())
    assert not shared, "profiles/default beats --profile key by key"


def test_what_schedulers_share_stands_once_and_holds_in_both() -> None:
    shared = yaml.safe_load((ROOT / "profiles/scheduler.yaml").read_text())
    assert {"jobs", "retries", "local-cores"} <= shared.keys()
    for profile in (SLURM, GRID_ENGINE):
        assert {key: read(profile)[key] for key in shared} == shared
        assert not set(shared) & set(re.findall(r"(?m)^([a-z-]+):", profile.read_text()))


@pytest.mark.parametrize("option", ["--profile=slurm", "--executor=slurm", "-e"])
def test_bounds_of_this_machine_hold_only_for_local_runs(option: str, typed: list[str]) -> None:
    local = read(DEFAULT)
    assert local["cores"] == "all"
    assert local["resources"]["gpu"] in (0, 1)
    typed.append(option)
    assert not {"cores", "resources"} & read(DEFAULT).keys()


def test_make_why_looks_for_the_same_reasons_as_a_run() -> None:
    assert {trigger.name.lower() for trigger in TRIGGERS} == {*read(DEFAULT)["rerun-triggers"]}


def test_each_profile_is_one_file() -> None:
    for profile in (DEFAULT, SLURM, GRID_ENGINE):
        assert [file.name for file in profile.parent.glob("*.yaml")] == ["profile.yaml"], (
            "of two, chance would pick one"
        )


@pytest.mark.parametrize(
    ("accounting", "command"),
    [("accounting_storage/slurmdbd", "sacct"), ("accounting_storage/none", "squeue"), (None, "squeue")],
)
def test_slurm_is_asked_by_what_can_answer(
    accounting: str | None, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if accounting:
        scontrol = tmp_path / "scontrol"
        scontrol.write_text(f"#!/bin/sh\necho AccountingStorageType   = {accounting}\n")
        scontrol.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    else:
        monkeypatch.setenv("PATH", "/bin")
    assert read(SLURM)["slurm-status-command"] == command


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], rf"threads={min(64, os.cpu_count() or 1)} gpu=[01]\b"),
        (["--profile", "slurm"], r"slurm_extra=--signal=TERM@120, gpu=1\b"),
        (["--profile", "sge"], r", gpu=1\b"),
    ],
)
def test_snakemake_takes_the_profiles(options: list[str], expected: str, tmp_path: Path) -> None:
    for folder in ("profiles", "slurm", "sge"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "Snakefile").write_text(BIG_JOB)
    command = [sys.executable, "-m", "snakemake", "--dry-run", *options, "model.txt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(expected, done.stdout)


@pytest.mark.parametrize("path", [".", ".snakemake", ".snakemake/metadata/a", "results", "home"])
def test_a_place_that_may_not_be_written_is_one_line(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("home", "results", ".snakemake/metadata"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / ".snakemake/metadata/a").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "not" / "there"))
    read(DEFAULT)
    refused = (tmp_path / path).resolve()
    monkeypatch.setattr(os, "access", lambda asked, mode: Path(asked).resolve() != refused)
    with pytest.raises(SystemExit, match=f"^error: {re.escape(str(refused))}: no right to read and write it") as caught:
        read(DEFAULT)
    assert "\n" not in str(caught.value)
