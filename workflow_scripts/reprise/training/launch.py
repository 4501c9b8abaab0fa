"""Starts a training step again as several processes, before it has loaded anything."""

import os
import sys

from reprise.step.errors import InputError


def spread(processes: int, device: str) -> None:
    """Start this command again as several processes by torchrun, unless this is one of them.

    Raises:
        InputError: there are GPUs, but fewer than processes.
    """
    if processes < 2 or "RANK" in os.environ:
        return
    if device != "cpu":
        import torch

        gpus = torch.cuda.device_count()
        if 0 < gpus < processes:
            raise InputError(f"processes: {processes}: each needs a GPU of its own, and PyTorch finds {gpus} here")
    threads = int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1))
    os.environ["OMP_NUM_THREADS"] = str(max(1, threads // processes))
    launcher = ["-P", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    os.execv(sys.executable, [sys.executable, *launcher, "--", *sys.argv])
