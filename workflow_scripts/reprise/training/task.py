"""What is trained and validated: the functions of a study that the training loop calls."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor, nn

# (sample indices (B,), epoch) -> all that `Predict` needs of these samples, on the network's device
Load = Callable[[np.ndarray, int], Any]
# (model, what was loaded) -> the network's outputs (B, ...) and the truth (B, ...)
Predict = Callable[[nn.Module, Any], tuple[Tensor, Tensor]]
# (outputs, truth) of a whole batch -> the loss to minimise: a function, or a loss of torch, MONAI or others
Loss = Callable[[Tensor, Tensor], Tensor]
# (outputs, truth) of a whole batch -> numbers (K,) to show, such as the Dice of each class
Watch = Callable[[Tensor, Tensor], Tensor]
# (model in evaluation mode, case indices (B,), epoch) -> by name, numbers (B, ...) of these cases
Validation = Callable[[nn.Module, np.ndarray, int], dict[str, Tensor]]
# by name, numbers (cases, ...) of all cases -> columns of the epoch's row in the history
Summary = Callable[[dict[str, np.ndarray]], dict[str, float]]


class Task(NamedTuple):
    """What is trained and validated, and what chooses the weights.

    `load` is apart from `predict`, because a GPU loads the next batch while it computes the last one. Neither draws
    from PyTorch's random numbers, but for what the network itself draws. On a CPU the next call of `load` may overwrite
    what the last one gave.

    `choices` maps a name to a column of the history; the epoch with its minimum gives the weights of that name.
    """

    samples: int
    load: Load
    predict: Predict
    loss: Loss
    cases: int
    at_a_time: int
    validate: Validation
    summary: Summary
    choices: dict[str, str]
    terms_per_sample: int | None = None  # that the loss adds up, if it is a sum; the log shows the mean
    watched: tuple[str, ...] = ()  # columns of the history: the means over an epoch's samples of what `watch` gives
    watch: Watch | None = None
