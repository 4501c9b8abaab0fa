"""A folder on a small disk of its own, for tests of what a full disk does."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MOUNT = (
    "mount -t tmpfs -o size=$0 tmpfs /mnt && cp -a $1/. /mnt/ && mount --move /mnt $1 && echo ready && cat >/dev/null"
)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[tuple[str, ...]]:
    """Move a folder to a new disk of `size` bytes; yields the words to put before a command that shall see it.

    The disk lies in a mount namespace, which ends with the test, however the test ends.
    """
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("a disk of its own for this test takes root and mount namespaces")
    holder = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", MOUNT, str(size), folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "ready\n"
        # The old working directory still lies below the new disk, so the command enters it again by its name.
        enter = f'cd {folder.parent} && exec "$@"'
        yield ("nsenter", f"--mount=/proc/{holder.pid}/ns/mnt", "sh", "-c", enter, "sh")
    finally:
        holder.communicate()
