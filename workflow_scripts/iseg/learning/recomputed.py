"""Blocks that keep no inner arrays for the backward pass: it computes them again, with the same random numbers."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def recomputed(block: nn.Module, *inputs: Tensor) -> Tensor:
    """What a block gives. In training with gradients, only its inputs and its output are kept.

    Gradients and the statistics of batch normalisation are the same as without.
    """
    if not (block.training and torch.is_grad_enabled()):
        return block(*inputs)

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _without_statistics(block)

    return checkpoint(block, *inputs, use_reentrant=False, context_fn=contexts)


@contextmanager
def _without_statistics(block: nn.Module) -> Iterator[None]:
    """Normalisations do not count a batch for the second time."""
    layers = [layer for layer in block.modules() if isinstance(layer, _BatchNorm)]
    before = [(layer.momentum, layer.num_batches_tracked) for layer in layers]
    for layer, (_, batches) in zip(layers, before, strict=True):
        layer.momentum, layer.num_batches_tracked = 0.0, deepcopy(batches)
    try:
        yield
    finally:
        for layer, (momentum, batches) in zip(layers, before, strict=True):
            layer.momentum, layer.num_batches_tracked = momentum, batches
