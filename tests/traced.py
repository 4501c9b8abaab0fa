"""Runs of the workflow that record what of the project each step really imports and opens.

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

    def record(kind, value):
        os.write(trace, f"{step}\\t{kind}\\t{value}\\n".encode())

    def calls(frame, event, _):
        # R opens its scripts itself: they are seen where their names are handed to it.
        if event == "call" and frame.f_code.co_name == "__call__":
            for value in frame.f_locals.get("args", ()):
                if isinstance(value, str) and value.endswith(".R"):
                    record("open", os.path.abspath(value))

    def hook(event, args):
        if event == "import":
            record("import", args[0])
            if args[0] == "rpy2.robjects":
                sys.setprofile(calls)
        elif event == "open" and isinstance(args[0], str) and not args[0].endswith((".py", ".pyc")):
            # A step that plans with Snakemake opens every source for its fingerprint, which is no use of it.
            if "snakemake.workflow" not in sys.modules:
                record("open", os.path.abspath(args[0]))

    sys.addaudithook(hook)
"""


def tracing(folder: Path) -> tuple[str, ...]:
    """Prepare `folder` for records; returns what to put before a command whose steps are to leave them there."""
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin/python"
    words = {"trace": folder / "trace.tsv", "folder": folder, "python": sys.executable}
    python.write_text(PYTHON.format(**{name: shlex.quote(str(path)) for name, path in words.items()}))
    python.chmod(0o755)
    (folder / "sitecustomize.py").write_text(RECORD)
    return ("env", f"PATH={python.parent}{os.pathsep}{environment()['PATH']}")


def read_trace(folder: Path, code: Path) -> dict[str, set[str]]:
    """For each step that ran, the files below `code` that it used, itself included; by their paths there."""
    used: defaultdict[str, set[str]] = defaultdict(set)
    for line in (folder / "trace.tsv").read_text().splitlines():
        step, kind, value = line.split("\t")
        used[step].add(step)
        if kind == "open":
            candidates = [Path(value)]
        else:
            roots = ((code / step).parent, code)
            candidates = [Path(root, value.replace(".", "/")) / end for root in roots for end in ("__init__.py", "")]
            candidates = [path.with_suffix(".py") if path.suffix != ".py" else path for path in candidates]
        found = [path for path in candidates if path.is_relative_to(code) and path.is_file()]
        used[step] |= {path.relative_to(code).as_posix() for path in found[:1]}
    return dict(used)
