"""One Snakemake at a time per project folder; jobs, steps and partial files of an earlier one are cleared away."""

import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

from reprise.engine import grid_engine, slurm
from reprise.engine.orphans import wait_for_orphans
from reprise.step.command import say
from reprise.step.errors import InputError
from reprise.step.files import remove_partials
from reprise.step.lock import locked

# After the request to end, a job has half a minute under Slurm, and a minute under Grid Engine (a site may differ).
PATIENCE_SECONDS = 120
_held = ExitStack()


def take_over(folder: Path) -> None:
    """Hold `folder` while this process lives, and clear away what an earlier, killed Snakemake left.

    A scheduler's jobs go on after the Snakemake that sent them has ended. A cancelled training saves its state.

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
    for scheduler in (slurm, grid_engine):
        if left := _queued_jobs(scheduler, folder):
            say(f"cancelling jobs that an earlier Snakemake left in the queue: {' '.join(left)}")
            subprocess.run([scheduler.CANCEL, *left], stdout=subprocess.DEVNULL, check=False)
            deadline = time.monotonic() + PATIENCE_SECONDS
            while running := _queued_jobs(scheduler, folder):
                if time.monotonic() > deadline:
                    raise InputError(f"{folder}: jobs of an earlier Snakemake do not end: {' '.join(running)}")
                time.sleep(1)


def _queued_jobs(scheduler: ModuleType, folder: Path) -> list[str]:
    """Numbers of a folder's jobs; a scheduler that does not answer has none if no job was ever sent from there."""
    jobs: list[str] | None = scheduler.queued_jobs(folder)
    if jobs is None and (folder / scheduler.JOBS).is_dir():
        raise InputError(
            f"{folder}: jobs were sent from here, and the scheduler does not say whether some still run; "
            f"try again, or remove {scheduler.JOBS} if none does"
        )
    return jobs or []
