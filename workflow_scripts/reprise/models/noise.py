"""Random numbers that a network draws in training, the same for any number of processes."""

import torch
from torch import Tensor, nn


class Noise(nn.Module):
    """Standard normal numbers; a process that computes a part of a batch draws those of the whole batch."""

    rows: tuple[int, int, int] | None = None  # the first own row, how many are own, how many the batch has

    def forward(self, like: Tensor) -> Tensor:
        """Numbers of the shape (B, ...), type and device of an array."""
        if self.rows is None:
            return torch.randn_like(like)
        first, own, samples = self.rows
        return like.new_empty(samples, *like.shape[1:]).normal_()[first : first + own]
