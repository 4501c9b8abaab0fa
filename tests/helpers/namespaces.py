"""Mount and PID namespaces of its own for a scheduler that a test starts on this machine, as root.

Once the test is over, however it ended, the kernel kills whatever is left of the scheduler and of its jobs.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

READY_SECONDS = 300
# `cat` waits for the test's end of a pipe to close, be it by the test's death: then the shell, the namespace's first
# process, ends, and the kernel kills all others before anyone learns of that. Until then the shell reaps orphans.
WAIT = "cat; exit\n"


class Inside(NamedTuple):
    """A running scheduler."""

    inside: tuple[str, ...]  # the words before a command that is to run where it is
    folder: Path  # its configuration and logs

    def run(self, *command: str) -> str:
        """The output of a command inside.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        return subprocess.run([*self.inside, *command], capture_output=True, text=True, check=True).stdout


def obstacle(scheduler: str, programs: Sequence[str], packages: str) -> str | None:
    """The reason why a scheduler cannot start here, or None."""
    if os.geteuid() != 0:
        return f"starting a {scheduler} takes root"
    missing = [program for program in (*programs, "unshare", "nsenter") if shutil.which(program) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (apt-get install {packages})"
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "true"], check=False).returncode:
        return "this machine allows no new namespaces"
    return None


@contextmanager
def started(script: str, *before: str) -> Iterator[tuple[subprocess.Popen[bytes], tuple[str, ...]]]:
    """Run a shell's script in new namespaces, which end with this block; yields its process, and `Inside.inside`.

    Args:
        script: starts daemons.
        before: words before each command, the shell's and those inside.
    """
    words = [*before, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]
    holder = subprocess.Popen([*words, script + WAIT], stdin=subprocess.PIPE)
    spaces = f"/proc/{holder.pid}/ns"
    try:
        yield holder, ("nsenter", f"--mount={spaces}/mnt", f"--pid={spaces}/pid_for_children", "--wd=.", *before)
    finally:
        holder.communicate()


def is_soon(ready: Callable[[], bool], holder: subprocess.Popen[bytes]) -> bool:
    """Whether something comes true within five minutes, while the script's process lives."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and holder.poll() is None:
        if ready():
            return True
        time.sleep(0.5)
    return False
