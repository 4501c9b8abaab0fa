"""Runs of the workflow that record which project files each step really opens, with imported modules.

A `python` that comes first on PATH starts the steps, and tells them and all their child processes to record.
"""

import os
import shlex
import sys
from collections import defaultdict
from pathlib import Path

from project import environment

PYTHON = """#!/bin/sh
case "$1" in workflow_scripts/*) export TRACED_STEP="${{1#workflow_scripts/}}" ;; esac
export TRACED_TO={trace} PYTHONPATH={folder}:"$PYTHONPATH"
exec {python} "$@"
"""
RECORD = """
import os, sys

if "TRACED_STEP" in os.environ:
    step, trace = os.environ["TRACED_STEP"], os.open(os.environ["TRACED_TO"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def record(path):
        os.write(trace, f"{step}\\t{os.path.abspath(path)}\\n".encode())

    def calls(frame, event, _):
        # R opens its scripts itself: they are seen where their names are handed to it.
        if event == "call" and frame.f_code.co_name == "__call__":
            for value in frame.f_locals.get("args", ()):
                if isinstance(value, str) and os.path.isfile(value):
                    record(value)

    def for_a_fingerprint(frame):
        # A step hashes the sources of its own code, and one that plans with Snakemake all of them: no use of any.
        while frame and frame.f_code.co_name != "read_source":
            frame = frame.f_back
        return bool(frame)

    def hook(event, args):
        if event == "import" and args[0] == "rpy2.robjects":
            sys.setprofile(calls)
        elif event == "open" and isinstance(args[0], str | bytes) and not for_a_fingerprint(sys._getframe()):
            record(os.fsdecode(args[0]))

    sys.addaudithook(hook)
"""


def tracing(folder: Path) -> tuple[str, ...]:
    """Prepare `folder` for records; returns the words before a command whose steps shall write them."""
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin/python"
    words = {"trace": folder / "trace.tsv", "folder": folder, "python": sys.executable}
    python.write_text(PYTHON.format(**{name: shlex.quote(str(path)) for name, path in words.items()}))
    python.chmod(0o755)
    (folder / "sitecustomize.py").write_text(RECORD)
    return ("env", f"PATH={python.parent}{os.pathsep}{environment()['PATH']}")


def read_trace(folder: Path, code: Path) -> dict[str, set[str]]:
    """For each step that ran, the files below `code` that it used, with itself; paths are below `code`."""
    used: defaultdict[str, set[str]] = defaultdict(set)
    for line in (folder / "trace.tsv").read_text().splitlines():
        step, opened = line.split("\t")
        path = Path(opened)
        if path.suffix == ".pyc":
            path = path.parent.with_name(f"{path.name.split('.')[0]}.py")
        used[step].add(step)
        if path.is_relative_to(code) and path.is_file():
            used[step].add(path.relative_to(code).as_posix())
    return dict(used)
