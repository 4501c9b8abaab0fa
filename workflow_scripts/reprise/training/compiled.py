"""Faster networks for long trainings on a GPU: by PyTorch's compiler, or as recorded graphs. A CPU never does this.

The compiler makes fewer and better kernels, but takes minutes for networks of a thousand kernels. `GRAPHS` is for
these: the host then asks for all kernels of a forward or backward pass at once.
"""

import argparse
from collections.abc import Callable
from textwrap import shorten

import torch
from torch import Tensor, nn

from reprise.step.command import say

GRAPHS = "graphs"
WORTHWHILE_STEPS = 2_000  # of a training; to compile a network takes as long as hundreds of steps
LONGEST = 200  # characters of the compiler's message


def compile_mode(
    args: argparse.Namespace, device: torch.device, mode: str | None, steps: int = WORTHWHILE_STEPS
) -> str | None:
    """How a network is compiled, or None if it stays as it is.

    Only a long training of a network that gains, on a GPU, is worth it. If such a one is not compiled, a line says why.

    Args:
        args: of `training_parser`: what the user wishes.
        device: where the network is.
        mode: that the study's table has for the network: `GRAPHS`, or a mode of `torch.compile`; None for networks that
            do not gain.
        steps: of the whole training.
    """
    if args.compile == "off" or mode is None or device.type != "cuda" or steps < WORTHWHILE_STEPS:
        return None
    if obstacle := _obstacle(args, device, mode):
        say(f"the network is not compiled: {obstacle}")
        return None
    return mode


def compile_network(model: nn.Module, mode: str) -> None:
    """Compile a network in place at its next call, again for each size of batch; the names of its state stay."""
    if mode == GRAPHS:
        _record_at_first_call(model)
    else:
        model.compile(mode=mode, dynamic=False)


def _record_at_first_call(model: nn.Module) -> None:
    """Let a network replay its kernels in training; its evaluation stays as it is."""
    plain, recorded = model.forward, dict[tuple[object, ...], Callable[[Tensor], Tensor]]()

    def forward(images: Tensor) -> Tensor:
        if not (model.training and torch.is_grad_enabled()):
            return plain(images)
        half = torch.is_autocast_enabled(images.device.type)
        key = (images.shape, images.stride(), images.dtype, half)
        if key not in recorded:
            recorded[key] = _recorded(model, plain, images)
        return recorded[key](images)

    model.forward = forward  # type: ignore[method-assign]


def _recorded(model: nn.Module, plain: Callable[[Tensor], Tensor], images: Tensor) -> Callable[[Tensor], Tensor]:
    """The forward and the backward pass for images like these, as graphs. The network's state stays."""
    passes = nn.Module()
    passes.network = model  # whose parameters get gradients
    passes.forward = plain
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    device = images.device.type
    half = torch.is_autocast_enabled(device)
    with torch.autocast(device, torch.get_autocast_dtype(device), enabled=half, cache_enabled=False):
        torch.cuda.make_graphed_callables(passes, (images.detach().clone(),), allow_unused_input=True)
    for buffer, before in buffers:
        buffer.copy_(before)  # recording runs the network a few times
    return passes


def _obstacle(args: argparse.Namespace, device: torch.device, mode: str) -> str | None:
    """Why a network that would gain is not compiled."""
    if args.deterministic == "yes":
        return "deterministic: true asks for the same bits each time, for which the compiler does not vouch"
    if args.processes > 1:
        return "several processes share each batch"
    if mode == GRAPHS:
        return None
    try:
        torch.compile(_plus_one)(torch.zeros(1, device=device))
    except Exception as error:  # the compiler needs a C compiler and more, and raises errors of any kind
        return f"PyTorch's compiler does not work here ({type(error).__name__}: {shorten(str(error), LONGEST)})"
    return None


def _plus_one(values: torch.Tensor) -> torch.Tensor:
    return values + 1
