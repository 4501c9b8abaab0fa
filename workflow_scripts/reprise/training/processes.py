"""One training run on several processes, as `torchrun` starts them: the same global batches, the same numbers.

Each process computes a part of every batch. What depends on the whole batch is computed over all processes: the loss
(every process gets the outputs of the whole batch), batch normalisation (by its statistics) and dropout (every process
draws the mask of the whole batch).
"""

import inspect
import os
import sys
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from reprise.models.noise import Noise
from reprise.step.errors import InputError

# Each process computes the same buffers. PyTorch 2.13 renamed the option.
_RENAMED = "forward_sync_buffers" in inspect.signature(DistributedDataParallel).parameters
UNSHARED_BUFFERS: dict[str, Any] = {"forward_sync_buffers" if _RENAMED else "broadcast_buffers": False}


class Processes(NamedTuple):
    """The number of this process (from 0), and how many processes there are."""

    rank: int
    size: int

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0


def join() -> Processes:
    """Connect to the other processes that torchrun started; it may also have started this one alone."""
    if "RANK" not in os.environ:
        return Processes(0, 1)
    if not dist.is_initialized():
        # Control messages go over the CPU, so that they never wait for a GPU.
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    return Processes(dist.get_rank(), dist.get_world_size())


def leave(processes: Processes) -> None:
    """End all processes but the first one, which writes the results."""
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
    if not processes.first:
        sys.exit(0)


def own_part(samples: np.ndarray, processes: Processes) -> np.ndarray:
    """This process's part of a batch of sample indices.

    Raises:
        InputError: there are fewer samples than processes.
    """
    if len(samples) < processes.size:
        raise InputError(f"a batch of {len(samples)} cannot be shared by {processes.size} processes: raise batch_size")
    return np.array_split(samples, processes.size)[processes.rank]


def whole_batch(part: Tensor, samples: int, processes: Processes) -> Tensor:
    """The whole batch (samples, ...) from each process's part (B, ...); gradients reach the own part only."""
    if not dist.is_initialized():
        return part
    first, own = _own_rows(samples, processes)
    whole = part.new_zeros(samples, *part.shape[1:])
    whole[first : first + own] = part.detach()
    dist.all_reduce(whole)
    return torch.cat([whole[:first], part, whole[first + own :]])


def any_of(flag: bool, processes: Processes) -> bool:
    """Whether the flag is set in any process."""
    if not dist.is_initialized():
        return flag
    flags = torch.tensor([int(flag)])
    dist.all_reduce(flags)
    return bool(flags.item())


def gathered(found: dict[str, Tensor] | None, processes: Processes) -> list[dict[str, Tensor]]:
    """What each process found, in the order of their ranks; processes without a batch give nothing."""
    if not dist.is_initialized():
        return [found] if found else []
    parts: list[dict[str, Tensor] | None] = [None] * processes.size
    dist.all_gather_object(parts, {name: values.cpu() for name, values in found.items()} if found else None)
    return [part for part in parts if part]


def shared_model(model: nn.Module, processes: Processes) -> nn.Module:
    """A network that trains on a part of each batch as on the whole; gradients come out as the mean over processes.

    This replaces dropout and batch normalisation in the given network; its state keeps its names and shapes.
    """
    _replace_dropout(model)
    if not dist.is_initialized():
        return model
    device = next(model.parameters()).device
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return DistributedDataParallel(model, device_ids=[device.index], **UNSHARED_BUFFERS)
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            # PyTorch's own synchronised batch normalisation computes on GPUs only.
            module.__class__ = _GlobalBatchNorm
    return DistributedDataParallel(model, **UNSHARED_BUFFERS)


def set_own_rows(model: nn.Module, samples: int, processes: Processes) -> None:
    """Tell a network's dropout and noise which rows of a batch of so many samples this process computes."""
    for module in model.modules():
        if isinstance(module, _GlobalDropout | Noise):
            module.rows = (*_own_rows(samples, processes), samples)


def _own_rows(samples: int, processes: Processes) -> tuple[int, int]:
    """The first row of this process's part of a batch of so many samples, and the number of its rows."""
    sizes = [len(part) for part in np.array_split(np.arange(samples), processes.size)]
    return sum(sizes[: processes.rank]), sizes[processes.rank]


class _GlobalDropout(nn.Module):
    """Dropout of single values or, by `channels`, of whole feature maps, with the mask of the whole batch."""

    def __init__(self, p: float, channels: bool) -> None:
        super().__init__()
        self.p, self.channels = p, channels
        self.rows = (0, 1, 1)  # the first own one, how many are own, how many there are

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        first, own, samples = self.rows
        per_sample = len(x) // own  # rows of x
        shape = [per_sample * samples, x.shape[1], *([1] * (x.dim() - 2) if self.channels else x.shape[2:])]
        kept = torch.empty(shape, dtype=x.dtype, device=x.device).bernoulli_(1 - self.p)
        return x * kept[per_sample * first : per_sample * (first + own)].div_(1 - self.p)


def _replace_dropout(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.Dropout | nn.Dropout1d | nn.Dropout2d | nn.Dropout3d):
            setattr(module, name, _GlobalDropout(child.p, not isinstance(child, nn.Dropout)).train(child.training))
        else:
            _replace_dropout(child)


class _GlobalBatchNorm(_BatchNorm):
    """Batch normalisation by the statistics of the whole batch, on the CPU."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Allow any number of dimensions."""

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
