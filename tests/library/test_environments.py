"""The environments of conda that a run uses: the versions in the report, the Python of a step, packages at home."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reprise.engine.configuration import set_environment
from reprise.report.environments import chosen_versions, shown_version


def make_environment(folder: Path, text: str, *packages: str) -> None:
    """An environment as Snakemake and conda leave it: a copy of its file beside it, a file for each package."""
    (folder / "conda-meta").mkdir(parents=True)
    folder.with_name(f"{folder.name}.yaml").write_text(text)
    (folder / "conda-meta/history").touch()
    for package in packages:
        (folder / f"conda-meta/{package}.json").write_text("{}")


def test_versions_are_those_of_the_environments_that_the_files_describe_now(tmp_path: Path) -> None:
    files = tmp_path / "envs"
    files.mkdir()
    (files / "training.yaml").write_text("a")
    (files / "report.yaml").write_text("b")
    made = tmp_path / "conda"
    make_environment(
        made / "1_", "a", "pytorch-2.13.0-cuda129_mkl_py311_h1_300", "numpy-2.4.1-py311_0", "r-base-4.5.2-h1_0"
    )
    make_environment(
        made / "2_", "b", "numpy-2.5.0-py311_0", "py-opencv-4.13.0-headless_py311h1_1", "r-base-4.5.2-h1_0"
    )
    make_environment(made / "3_", "an older file", "numpy-1.0-py311_0", "gradio-6.0-py_0")
    chosen = chosen_versions(made, files)
    assert list(chosen) == ["report", "training"]
    assert shown_version("torch", chosen) == "2.13.0"
    assert shown_version("opencv-python-headless", chosen) == "4.13.0"
    assert shown_version("R", chosen) == "4.5.2"
    assert shown_version("numpy", chosen) == "2.5.0 (report), 2.4.1 (training)"
    assert shown_version("gradio", chosen) == "in no environment of a step"
    assert chosen_versions(tmp_path, files) == {}


def test_a_step_runs_in_no_other_python_than_its_rule_names(run_step, tmp_path: Path) -> None:
    words = (
        "--settings",
        '{"config": {}}',
        "--snakefile",
        "Snakefile",
        "--target",
        "x",
        "--rules",
        "r.csv",
        "--jobs",
        "j.csv",
    )
    named = tmp_path / ".snakemake/conda/0a1b_"
    done = run_step("report/dag.py", *words, "--environment", named, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: .snakemake/conda/0a1b_: activating this environment of conda failed")
    assert done.stderr.count("\n") == 1
    again = run_step("report/dag.py", *words, "--environment", sys.prefix, cwd=tmp_path)
    assert "activating" not in again.stderr and "Snakefile" in again.stderr


def test_packages_at_home_hide_none_of_an_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A Python without an environment, as that of conda is; one of a venv never looks there.
    python = [str(Path(sys.executable).resolve()), "-c", "import site; print(site.ENABLE_USER_SITE)"]
    monkeypatch.setattr(os, "environ", {"HOME": str(tmp_path), "PATH": os.environ["PATH"]})

    def looks_at_home() -> str:
        return subprocess.run(python, capture_output=True, text=True, check=True, env=os.environ).stdout.strip()

    assert looks_at_home() == "True"
    set_environment()
    assert looks_at_home() == "False"
