"""Which device a step computes on."""

import os
from contextlib import AbstractContextManager

import torch

from reprise.errors import InputError


def pick_device(wish: str) -> torch.device:
    """The device for `auto` (a GPU if there is one), `cpu` or `cuda`, with threads as the scheduler allots them.

    Raises:
        InputError: cuda was asked for and there is none.
    """
    if "OMP_NUM_THREADS" in os.environ:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if wish == "cuda" and not torch.cuda.is_available():
        raise InputError("device: cuda was asked for, and PyTorch finds no GPU here; use device: auto or cpu")
    if wish == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda")


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """Mixed precision for bf16 on a GPU; full precision otherwise: most CPUs are slower in bf16."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16" and device.type == "cuda")
