"""One Snakemake at a time per project folder; jobs, steps and partial files of an earlier one are cleared away."""

import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from reprise.engine.orphans import wait_for_orphans
from reprise.step.command import say
from reprise.step.errors import InputError
from reprise.step.files import remove_partials
from reprise.step.lock import locked

# Slurm kills a job that has not ended half a minute after the request to end.
PATIENCE_SECONDS = 120
_held = ExitStack()


def take_over(folder: Path) -> None:
    """Hold `folder` while this process lives, and clear away what an earlier, killed Snakemake left.

    Slurm jobs go on after the Snakemake that sent them has ended. Training saves its state when it is cancelled.

    Raises:
        SystemExit: another Snakemake runs in this folder, or jobs or steps of an earlier one do not end.
    """
    folder = folder.resolve()
    try:
        _held.enter_context(locked(folder / ".snakemake"))
        _cancel_jobs(folder)
        wait_for_orphans(folder)
    except InputError as error:
        raise SystemExit(f"error: {error}") from None
    remove_partials(folder / "results")


def _cancel_jobs(folder: Path) -> None:
    if left := _jobs(folder):
        say(f"cancelling jobs that an earlier Snakemake left in the queue: {' '.join(left)}")
        subprocess.run(["scancel", *left], check=False)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while running := _jobs(folder):
            if time.monotonic() > deadline:
                raise InputError(f"{folder}: jobs of an earlier Snakemake go on: {' '.join(running)}; see `squeue`")
            time.sleep(1)


def _jobs(folder: Path) -> list[str]:
    """Numbers of queued Slurm jobs that a Snakemake sent from `folder`; their comment is a rule's name."""
    if shutil.which("squeue") is None:
        return []
    command = ["squeue", "--me", "--noheader", "--format=%i|%k|%Z"]
    try:
        queue = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return []
    rows = (line.split("|", 2) for line in queue.splitlines() if line.count("|") >= 2)
    return [job for job, comment, where in rows if comment.startswith("rule_") and Path(where).resolve() == folder]
