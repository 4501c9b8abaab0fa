"""Starts a training step again as several processes, before it has loaded anything."""

import os
import sys


def spread(processes: int) -> None:
    """Start this command again as several processes by torchrun, unless this is one of them."""
    if processes < 2 or "RANK" in os.environ:
        return
    threads = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))
    os.environ["OMP_NUM_THREADS"] = str(max(1, threads // processes))
    launcher = ["-P", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    os.execv(sys.executable, [sys.executable, *launcher, "--", *sys.argv])
