"""Compiling networks for training with PyTorch's compiler, whose import takes seconds; a CPU never does this."""

import argparse
from textwrap import shorten

import torch
from torch import nn

from reprise.step.command import say

WORTHWHILE_STEPS = 2_000  # of a training; to compile a network takes as long as hundreds of steps
LONGEST = 200  # characters of the compiler's message


def compile_mode(
    args: argparse.Namespace, device: torch.device, mode: str | None, steps: int = WORTHWHILE_STEPS
) -> str | None:
    """The mode of `torch.compile` for a network, or None if it stays as it is.

    Only a long training of a network that gains, on a GPU, is worth it. If such a one is not compiled, a line says why.

    Args:
        args: of `training_parser`: what the user wishes.
        device: where the network is.
        mode: that the study's table has for the network; None for networks that do not gain.
        steps: of the whole training.
    """
    if args.compile == "off" or mode is None or device.type != "cuda" or steps < WORTHWHILE_STEPS:
        return None
    if obstacle := _obstacle(args, device):
        say(f"the network is not compiled: {obstacle}")
        return None
    return mode


def compile_network(model: nn.Module, mode: str) -> None:
    """Compile a network in place at its next call, again for each size of batch; the names of its state stay."""
    model.compile(mode=mode, dynamic=False)


def _obstacle(args: argparse.Namespace, device: torch.device) -> str | None:
    """Why a network that would gain is not compiled."""
    if args.deterministic == "yes":
        return "deterministic: true asks for the same bits each time, for which the compiler does not vouch"
    if args.processes > 1:
        return "several processes share each batch"
    try:
        torch.compile(_plus_one)(torch.zeros(1, device=device))
    except Exception as error:  # the compiler needs a C compiler and more, and raises errors of any kind
        return f"PyTorch's compiler does not work here ({type(error).__name__}: {shorten(str(error), LONGEST)})"
    return None


def _plus_one(values: torch.Tensor) -> torch.Tensor:
    return values + 1
