"""A copy of the project to run in, as a fresh clone would hold it, what is not committed yet included."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
# As it was before any test: R, once started in a process, adds library folders that other programs must not see.
BEFORE_TESTS = dict(os.environ)
TINY: dict[str, dict[str, Any]] = {
    "segmentation": {"epochs": 1},
    "ef": {"epochs": 1},
    "bootstrap": {"resamples": 100},
    "beats": {"runs": 5},
    "videos": {"cases": 1},
    "phantom": {"videos": 24, "split": [0.5, 0.25, 0.25]},
}


def copy_project(folder: Path, demo: Mapping[str, Any] | None = None, study: str = "echonet") -> None:
    """Copy the project's files to `folder`, with other hyper-parameters laid over those of a study's demo."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    settings = folder / f"config/{study}.yaml"
    schedules = yaml.safe_load(settings.read_text())
    for part, changes in (demo or {}).items():
        schedules["demo"][part] = schedules["demo"].get(part, {}) | changes if isinstance(changes, dict) else changes
    if demo:
        settings.write_text(yaml.safe_dump(schedules))


def environment() -> dict[str, str]:
    """This environment with the project's programs first, as after `source .venv/bin/activate`."""
    return BEFORE_TESTS | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{BEFORE_TESTS['PATH']}"}


def type_command(command: str, folder: Path, inside: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """What typing a command in `folder` gives: its status, and all that it prints as one text."""
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.run([*inside, *command.split()], cwd=folder, env=environment(), check=False, **output)
