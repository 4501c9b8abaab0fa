"""One training run on several processes, as `torchrun` starts them: the same global batches, the same numbers.

Each process computes a share of every batch. Whatever depends on the whole batch is computed over all of them:
the loss (from sums), batch normalisation (by its statistics) and dropout (each process draws the whole mask).
"""

import os
import sys
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from reprise.step.errors import InputError


class Processes(NamedTuple):
    """Which of how many processes this is."""

    rank: int
    size: int

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0


def join() -> Processes:
    """Meet the other processes that torchrun started, if it started any."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Processes(0, 1)
    if not dist.is_initialized():
        # Control messages always take the way over the CPU, so that they never wait for a GPU.
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    return Processes(dist.get_rank(), size)


def leave(us: Processes) -> None:
    """Part at the end of training: all but the first process, which writes the results, end here."""
    if us.size > 1:
        dist.barrier()
        dist.destroy_process_group()
    if not us.first:
        sys.exit(0)


def share(samples: np.ndarray, us: Processes) -> np.ndarray:
    """This process's part of a batch of sample indices.

    Raises:
        InputError: there are fewer samples than processes.
    """
    if len(samples) < us.size:
        raise InputError(f"a batch of {len(samples)} cannot be shared by {us.size} processes: raise batch_size")
    return np.array_split(samples, us.size)[us.rank]


def summed(terms: Tensor, us: Processes) -> Tensor:
    """The sum of terms over all processes; its gradient is that of this process's part."""
    if us.size == 1:
        return terms
    total = terms.detach().clone()
    dist.all_reduce(total)
    return terms + (total - terms.detach())


def any_of(flag: bool, us: Processes) -> bool:
    """Whether the flag is set in any process."""
    if us.size == 1:
        return flag
    flags = torch.tensor([int(flag)])
    dist.all_reduce(flags)
    return bool(flags.item())


def gathered(found: dict[str, Tensor] | None, us: Processes) -> list[dict[str, Tensor]]:
    """What each process found, in the order of their ranks, without those that had nothing to do."""
    if us.size == 1:
        return [found] if found else []
    parts: list[dict[str, Tensor] | None] = [None] * us.size
    dist.all_gather_object(parts, {name: values.cpu() for name, values in found.items()} if found else None)
    return [part for part in parts if part]


def shared_model(model: nn.Module, us: Processes) -> nn.Module:
    """A network that trains on a share of each batch as on the whole; gradients come out as the mean over processes.

    The given network itself is changed in its dropout and batch normalisation; its state keeps names and shapes.
    """
    _replace_dropout(model)
    if us.size == 1:
        return model
    device = next(model.parameters()).device
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return DistributedDataParallel(model, device_ids=[device.index], forward_sync_buffers=False)
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            # PyTorch's own synchronised batch normalisation computes on GPUs only.
            module.__class__ = _GlobalBatchNorm
    return DistributedDataParallel(model, forward_sync_buffers=False)


def place_batch(model: nn.Module, samples: int, us: Processes) -> None:
    """Tell a network's dropout which rows of a batch of so many samples this process computes."""
    sizes = [len(part) for part in np.array_split(np.arange(samples), us.size)]
    for module in model.modules():
        if isinstance(module, _GlobalDropout):
            module.place = (sum(sizes[: us.rank]), sizes[us.rank], samples)


class _GlobalDropout(nn.Module):
    """Dropout of single values or, by `channels`, of whole feature maps, with the mask of the whole batch."""

    def __init__(self, p: float, channels: bool) -> None:
        super().__init__()
        self.p, self.channels = p, channels
        self.place = (0, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        first, own, all_ = self.place
        rows = len(x) // own  # of x, a sample
        shape = [rows * all_, x.shape[1], *([1] * (x.dim() - 2) if self.channels else x.shape[2:])]
        kept = torch.empty(shape, dtype=x.dtype, device=x.device).bernoulli_(1 - self.p)
        return x * kept[rows * first : rows * (first + own)].div_(1 - self.p)


def _replace_dropout(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.Dropout | nn.Dropout1d | nn.Dropout2d | nn.Dropout3d):
            setattr(module, name, _GlobalDropout(child.p, not isinstance(child, nn.Dropout)).train(child.training))
        else:
            _replace_dropout(child)


class _GlobalBatchNorm(_BatchNorm):
    """Batch normalisation by the statistics of the whole batch, on the CPU."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions will do."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        axes, shape = [0, *range(2, x.dim())], [1, -1, *[1] * (x.dim() - 2)]
        count = _Summed.apply(x.new_tensor([x.numel() / x.shape[1]]))
        mean = (_Summed.apply(x.sum(axes, dtype=torch.float64)) / count).to(x.dtype)
        centred = x - mean.view(shape)
        variance = (_Summed.apply((centred * centred).sum(axes, dtype=torch.float64)) / count).to(x.dtype)
        self._keep_statistics(mean.detach(), variance.detach() * count / (count - 1))
        return centred * (self.weight * torch.rsqrt(variance + self.eps)).view(shape) + self.bias.view(shape)

    def _keep_statistics(self, mean: Tensor, variance: Tensor) -> None:
        own: Any = self
        own.num_batches_tracked.add_(1)
        own.running_mean.lerp_(mean, own.momentum)
        own.running_var.lerp_(variance, own.momentum)


class _Summed(torch.autograd.Function):
    """The sum over all processes, through which gradients go back to all of them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous()
        dist.all_reduce(total)
        return total
