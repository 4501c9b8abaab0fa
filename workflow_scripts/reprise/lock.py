"""One process at a time in one folder."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reprise.errors import InputError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one process; the lock ends with the process, however that ends.

    Raises:
        InputError: another process is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise InputError(f"{folder}: another process is at work here ({holder}); wait for it or stop it") from error
        lock.truncate(0)
        job = os.environ.get("SLURM_JOB_ID")
        lock.write(f"process {os.getpid()} on {socket.gethostname()}{f', Slurm job {job}' if job else ''}\n")
        lock.flush()
        yield
