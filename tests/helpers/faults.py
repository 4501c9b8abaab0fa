"""Ways for a step to fail: a `python` that comes first on PATH and does it, once its file `armed` is there."""

import os
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

import yaml

from project import environment

# A step in the middle of each study.
LESIONS, ECHO = "mslesion/score.py", "echonet/score.py"
PYTHON = """#!/bin/bash
case "$1" in {steps})
    if [ -e {armed} ]; then
        {fault}
    fi ;;
esac
exec {python} "$@"
"""


class Fault(NamedTuple):
    """A fault that hits some steps for as long as the file `armed` exists."""

    armed: Path
    before: tuple[str, ...]  # what to put before the command that it is to hit


def arm(folder: Path, steps: tuple[str, ...], fault: str) -> Fault:
    """Prepare a new folder for a fault, given in the words of a shell that is about to become one of these steps."""
    folder.mkdir()
    armed, python = folder / "armed", folder / "python"
    armed.touch()
    words = {"armed": shlex.quote(str(armed)), "python": shlex.quote(sys.executable), "fault": fault}
    python.write_text(PYTHON.format(steps="|".join(f"workflow_scripts/{step}" for step in steps), **words))
    python.chmod(0o755)
    return Fault(armed, ("env", f"PATH={folder}{os.pathsep}{environment()['PATH']}"))


def edit(folder: Path) -> None:
    """Make those steps stale, and what follows them."""
    for study in ("echonet", "mslesion"):
        path = folder / f"config/{study}.yaml"
        settings = yaml.safe_load(path.read_text())
        settings["demo"]["bootstrap"]["resamples"] += 1
        path.write_text(yaml.safe_dump(settings))


def outcome(folder: Path) -> dict[str, bytes]:
    """All tables and sections of a run, by name. Its report also has times in it."""
    paths = [path for path in (folder / "results").rglob("*") if path.suffix in (".csv", ".json", ".safetensors")]
    there = {str(path.relative_to(folder)): path for path in paths if "fingerprints" not in path.parts}
    return {name: path.read_bytes() for name, path in there.items()}
