"""The steps that bring a data set in: what they refuse, and what they must not load."""

import json
import subprocess
import sys

import pytest

from workflow_rules import CODE, STUDIES

LOADED = "import sys, check, convert, audit, make_phantom; print(*{'torch', 'monai', 'matplotlib'} & {*sys.modules})"


@pytest.mark.parametrize("study", STUDIES)
def test_no_step_on_the_way_to_the_store_loads_what_only_training_or_figures_need(study: str) -> None:
    search = {"PYTHONPATH": f"{CODE / study}:{CODE}"}
    done = subprocess.run([sys.executable, "-c", LOADED], env=search, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("study", STUDIES)
def test_a_phantom_whose_settings_are_incomplete_is_one_line(study: str, tmp_path, run_step) -> None:
    done = run_step(f"{study}/make_phantom.py", "--settings", json.dumps({"seed": 0}), "--output", tmp_path / "raw")
    assert done.returncode == 2 and done.stderr.startswith("error: --settings: expected ")
    assert len(done.stderr.splitlines()) == 1 and not list(tmp_path.iterdir())
