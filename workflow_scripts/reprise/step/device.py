"""Which device a step computes on."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch import Tensor

from reprise.step.errors import InputError

DEVICES = Path("/dev")


def pick_device(wish: str, deterministic: bool = False) -> torch.device:
    """The device for `auto` (a GPU if there is one), `cpu` or `cuda`, with the threads that the scheduler allots.

    Each of several processes takes a GPU of its own. With `deterministic` a GPU computes the same bits each time, but
    more slowly; a CPU always computes the same bits.

    Raises:
        InputError: there is no GPU for `cuda`, there is one that this build of PyTorch cannot use, or there are more
            processes than GPUs.
    """
    if "OMP_NUM_THREADS" in os.environ:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if wish != "cpu" and not torch.backends.cuda.is_built() and (gpus := _gpu_files()):
        raise InputError(
            f"device: {wish}: there is a GPU ({gpus[0]}), and PyTorch is a build without CUDA; install one with it "
            "(docs/cluster.md says how conda does that), or set device: cpu"
        )
    if wish == "cuda" and not torch.cuda.is_available():
        raise InputError("device: cuda was asked for, and PyTorch finds no GPU here; use device: auto or cpu")
    if wish == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    if deterministic:
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
        torch.use_deterministic_algorithms(True)
    number = int(os.environ.get("LOCAL_RANK", "0"))
    if number >= torch.cuda.device_count():
        raise InputError(f"processes: each needs a GPU of its own, and PyTorch finds {torch.cuda.device_count()} here")
    torch.cuda.set_device(number)
    return torch.device("cuda", number)


def _gpu_files() -> list[Path]:
    """The device files of NVIDIA's driver; none if the environment hides all GPUs."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1", "NoDevFiles")
    return [] if hidden else sorted(DEVICES.glob("nvidia[0-9]*"))


def on_device(values: Tensor, device: torch.device) -> Tensor:
    """A tensor in main memory on a device; a GPU gets it from pinned memory, so that the host does not wait."""
    return values if device.type == "cpu" else values.pin_memory().to(device, non_blocking=True)


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """Mixed precision for bf16 on a GPU; full precision otherwise, as most CPUs are slower in bf16."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16" and device.type == "cuda")
