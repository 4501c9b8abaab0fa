"""Segmenting the centres of windows of slices without superfluous work.

In evaluation mode, slices influence each other in the LSTM only. So each slice is encoded once, although three windows
hold it, the LSTM stops at the centre, and only centres are decoded.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from mslesion.learning.fc_densenet import FCDenseNet
from mslesion.learning.windows import CENTRE
from reprise.step.device import on_device

# Slices by their indices (n,): (n, 1, H, W), normalised, on the network's device.
Slices = Callable[[Tensor], Tensor]
WINDOWS_AT_A_TIME = 16


def window_logits(model: FCDenseNet, slices: Slices, windows: np.ndarray) -> Tensor:
    """Logits (B, 2, H, W) of the centres of windows (B, 3) of slice indices, as of `model(...)[:, 1]` of each window.

    Neighbouring windows share slices: B consecutive windows hold at most B + 2 slices.
    """
    seen = windows[:, _seen(model)]
    needed, where = np.unique(seen, return_inverse=True)
    features, skips = model.encode(slices(torch.from_numpy(needed)))
    places = on_device(torch.from_numpy(where.reshape(seen.shape)), features.device)
    centre = CENTRE if seen.shape[1] > CENTRE else 0
    mixed = model.mix(features[places])[:, centre]
    return model.decode(mixed, [skip[places[:, centre]] for skip in skips])


def centre_logits(model: nn.Module, images: Tensor, windows: np.ndarray) -> Tensor:
    """Logits (B, 2, H, W) of the centres of windows (B, 3) of slices in `images` (N, H, W), by any lesion network."""
    if isinstance(model, FCDenseNet):
        return window_logits(model, lambda rows: images[on_device(rows, images.device)][:, None], windows)
    return model(images[on_device(torch.from_numpy(windows[:, CENTRE]), images.device)][:, None])


def _seen(model: FCDenseNet) -> slice:
    """Which of a window's slices its centre's logits depend on: a forward LSTM never reaches the last one."""
    if model.directions == 0:
        return slice(CENTRE, CENTRE + 1)
    return slice(0, CENTRE + 1) if model.directions == 1 else slice(0, 3)
