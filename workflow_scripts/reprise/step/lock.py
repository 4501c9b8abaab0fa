"""One process at a time in one folder."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reprise.step.command import say
from reprise.step.errors import InputError

NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one process; the lock ends with the process.

    On a disk without locks, a message says so and the folder is not held.

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
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            say(f"{folder}: this disk has no locks ({error.strerror}): see to it that nothing else is at work here")
        lock.truncate(0)
        job = os.environ.get("SLURM_JOB_ID")
        lock.write(f"process {os.getpid()} on {socket.gethostname()}{f', Slurm job {job}' if job else ''}\n")
        lock.flush()
        yield
