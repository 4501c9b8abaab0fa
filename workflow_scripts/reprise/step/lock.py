"""One process at a time in one folder."""

import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from reprise.step.command import say
from reprise.step.errors import InputError

NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}


@contextmanager
def locked(folder: Path, patience_s: float = 0) -> Iterator[None]:
    """Hold a folder for one process; the lock ends with the process.

    On a disk without locks, a message says so and the folder is not held.

    Args:
        folder: is made if it is missing.
        patience_s: how long to wait for another process.

    Raises:
        InputError: another process is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as lock:
        try:
            _take(lock, folder, patience_s)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            say(f"{folder}: this disk has no locks ({error.strerror}): see to it that nothing else is at work here")
        lock.truncate(0)
        job = os.environ.get("SLURM_JOB_ID") or os.environ.get("JOB_ID")
        lock.write(f"process {os.getpid()} on {socket.gethostname()}{f', job {job}' if job else ''}\n")
        lock.flush()
        yield


def _take(lock: TextIO, folder: Path, patience_s: float) -> None:
    until, waits = time.monotonic() + patience_s, False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            lock.seek(0)
            others = f"{folder}: another process is at work here ({lock.read().strip() or 'unknown'})"
            if time.monotonic() >= until:
                raise InputError(f"{others}; wait for it or stop it") from error
        if not waits:
            say(f"{others}; this one waits for it")
        waits = True
        time.sleep(0.2)
