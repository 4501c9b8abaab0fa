"""Faults of steps: a `python` that is first on PATH makes a step fail while its file `armed` exists."""

import os
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

import psutil
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
    """A fault that hits some steps while the file `armed` exists."""

    armed: Path
    before: tuple[str, ...]  # words before the command that the fault shall hit


def arm(folder: Path, steps: tuple[str, ...], fault: str) -> Fault:
    """Prepare a new folder for a fault: shell commands that run in place of these steps."""
    folder.mkdir()
    armed, python = folder / "armed", folder / "python"
    armed.touch()
    words = {"armed": shlex.quote(str(armed)), "python": shlex.quote(sys.executable), "fault": fault}
    python.write_text(PYTHON.format(steps="|".join(f"workflow_scripts/{step}" for step in steps), **words))
    python.chmod(0o755)
    return Fault(armed, ("env", f"PATH={folder}{os.pathsep}{environment()['PATH']}"))


def at_work(step: str, folder: Path) -> list[psutil.Process]:
    """The processes of a step that is at work for a project; their `info` has their environment, too."""
    alive = psutil.process_iter(["cmdline", "cwd", "environ"])
    words = f"workflow_scripts/{step}"
    return [one for one in alive if words in (one.info["cmdline"] or ()) and one.info["cwd"] == str(folder)]


def edit(folder: Path) -> None:
    """Make these steps stale, and the steps that follow them."""
    for study in ("echonet", "mslesion"):
        path = folder / f"config/{study}.yaml"
        settings = yaml.safe_load(path.read_text())
        settings["demo"]["bootstrap"]["resamples"] += 1
        path.write_text(yaml.safe_dump(settings))


def outcome(folder: Path) -> dict[str, bytes]:
    """All tables, sections and weights of a run, by name; not its report, which contains times."""
    paths = [path for path in (folder / "results").rglob("*") if path.suffix in (".csv", ".json", ".safetensors")]
    there = {str(path.relative_to(folder)): path for path in paths if "fingerprints" not in path.parts}
    return {name: path.read_bytes() for name, path in there.items()}
