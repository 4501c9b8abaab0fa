"""Memory of a training step of a dense network that computes inner arrays again, against one that keeps them all."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from unittest import mock

import torch
from rows import Row, verdict
from torch import Tensor, nn

from iseg.learning import dense_paths
from iseg.learning.networks import tissue_network
from reprise.training.measuring import LivingArrays

NAME = "peak MB of a training step of DENSENET1 on 64 cubed, against keeping all arrays, same gradients"
NETWORK, SIDE, SMALL = "densenet1", 64, 8
TOLERANCE = 1e-4  # of a gradient, beside the largest of its array


def tissue_memory_row() -> Row:
    """Bytes are counted on the meta device, where they are those of the CPU, and gradients compared on a small crop."""
    ours = peak_mb()
    with all_kept():
        reference = peak_mb()
    ratio = reference / ours
    return Row(NAME, ours, reference, ratio, ">= 2", verdict(ratio >= 2 and same_gradients()))


@contextmanager
def all_kept() -> Iterator[None]:
    """Every block keeps its inner arrays for the backward pass."""
    with mock.patch.object(dense_paths, "recomputed", lambda block, *inputs: block(*inputs)):
        yield


def peak_mb() -> float:
    """The most that lives at one time, from the weights on."""
    with torch.device("meta"):
        model, crop = tissue_network(NETWORK), torch.empty(1, 2, SIDE, SIDE, SIDE)
    with LivingArrays(model) as living:
        model(crop).mean().backward()
    return living.peak / 2**20


def same_gradients() -> bool:
    """Whether both ways give the same, with the same dropout."""
    torch.manual_seed(0)
    model, crop = tissue_network(NETWORK), torch.randn(1, 2, SMALL, SMALL, SMALL)
    pairs = zip(gradients(model, crop, kept=False), gradients(model, crop, kept=True), strict=True)
    return all((one - other).abs().max() <= TOLERANCE * other.abs().max() for one, other in pairs)


def gradients(model: nn.Module, crop: Tensor, kept: bool) -> list[Tensor]:
    """The gradients of all parameters."""
    torch.manual_seed(1)
    with all_kept() if kept else nullcontext():
        return list(torch.autograd.grad(model(crop).square().mean(), list(model.parameters())))
