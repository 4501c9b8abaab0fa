"""The convolutional LSTM (Shi et al. 2015), without peepholes and biases, in one or both directions."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d


class ConvLSTM(nn.Module):
    """One layer that runs along the steps of a sequence, forwards or in both directions, and keeps the channel count.

    A direction has one 3x3 convolution over the step's input and its own last hidden state, to the maps of the input,
    forget and output gates and of the candidate, in this order. States start at zero. Two directions share the
    channels; the states of the second stand in the order of their computation (last step first), as in the
    published code: only the middle step has both directions' view of itself.
    """

    def __init__(self, channels: int, bidirectional: bool) -> None:
        super().__init__()
        hidden = [channels - channels // 2, channels // 2] if bidirectional else [channels]
        self.channels = channels
        self.gates = nn.ModuleList(nn.Conv2d(channels + size, 4 * size, 3, padding=1, bias=False) for size in hidden)

    def forward(self, steps: Tensor) -> Tensor:
        """(B, S, C, H, W) to the hidden states of all steps, the same shape."""
        orders = (steps, steps.flip(1))
        return torch.cat([self._states(gates, order) for gates, order in zip(self.gates, orders, strict=False)], dim=2)

    def _states(self, gates: nn.Module, steps: Tensor) -> Tensor:
        """Hidden states (B, S, hidden, H, W). The inputs of all steps are convolved at once; zero states never are."""
        weight: Tensor = gates.get_parameter("weight")
        from_input, from_hidden = weight.split([self.channels, weight.shape[1] - self.channels], dim=1)
        inputs = conv2d(steps.flatten(0, 1), from_input, padding=1).unflatten(0, steps.shape[:2])
        hidden, cell = _next(inputs[:, 0], None)
        states = [hidden]
        for each in inputs.unbind(1)[1:]:
            hidden, cell = _next(each + conv2d(hidden, from_hidden, padding=1), cell)
            states.append(hidden)
        return torch.stack(states, dim=1)


def _next(gates: Tensor, cell: Tensor | None) -> tuple[Tensor, Tensor]:
    """Hidden state and cell from the four gate maps and the cell before (None: zero)."""
    enter, keep, show, candidate = gates.chunk(4, dim=1)
    new = enter.sigmoid() * candidate.tanh()
    if cell is not None:
        new = new + keep.sigmoid() * cell
    return show.sigmoid() * new.tanh(), new
