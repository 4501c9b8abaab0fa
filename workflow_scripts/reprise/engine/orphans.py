"""Steps end with the Snakemake that started them; the next Snakemake waits for steps that still run."""

import ctypes
import fcntl
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from reprise.step.errors import InputError

SNAKEMAKE = "REPRISE_SNAKEMAKE"
STEPS = Path(".snakemake/steps")
ON_PARENTS_DEATH = 1  # PR_SET_PDEATHSIG of Linux
# A training that is told to stop writes its state first.
PATIENCE_SECONDS = 120
_held: list[int] = []


def announce_snakemake() -> None:
    """Tell the steps that this process starts which process started them."""
    os.environ[SNAKEMAKE] = str(os.getpid())


def bind_to_snakemake() -> None:
    """End this step by SIGTERM when the Snakemake that started it ends; a step started by hand has none.

    Raises:
        InputError: that Snakemake has ended already.
    """
    if SNAKEMAKE not in os.environ:
        return
    snakemake = int(os.environ[SNAKEMAKE])
    # The step itself becomes the launcher of several processes, and the workers end with it.
    if sys.platform == "linux" and (os.getppid() == snakemake or "RANK" in os.environ):
        ctypes.CDLL(None).prctl(ON_PARENTS_DEATH, signal.SIGTERM)
    if not Path(f"/proc/{snakemake}").exists() and Path("/proc/self").exists():
        raise InputError("the Snakemake that started this step has ended; type its command again")
    _hold_steps()


def wait_for_orphans(folder: Path, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until no step of an earlier Snakemake is at work in a project's folder.

    Raises:
        InputError: some are still at work after so many seconds.
    """
    path = folder / STEPS
    path.parent.mkdir(exist_ok=True)
    deadline = time.monotonic() + seconds
    with path.open("a") as steps:
        while not _taken(steps.fileno()):
            if time.monotonic() > deadline:
                raise InputError(
                    f"{folder}: steps of an earlier Snakemake are still at work here; stop them (`fuser {STEPS}`)"
                )
            time.sleep(0.2)


def _hold_steps() -> None:
    """Make this process visible to `wait_for_orphans`, if the folder exists."""
    with suppress(OSError):
        _held.append(os.open(STEPS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666))
        fcntl.flock(_held[-1], fcntl.LOCK_SH)


def _taken(file: int) -> bool:
    """Whether the lock could be taken; always true on a disk without locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
