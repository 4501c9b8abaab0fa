"""The lesion network against plain formulations of the same: a training step, and validating a fold."""

import copy
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from rows import Row, faster, skipped, verdict
from torch import Tensor, nn

from mslesion.learning.fc_densenet import FCDenseNet, fc_densenet
from mslesion.learning.losses import soft_dice_loss
from mslesion.learning.window_logits import WINDOWS_AT_A_TIME, centre_logits
from mslesion.learning.windows import CENTRE, list_windows
from reprise.models.weights import channels_last
from reprise.step.device import autocast, pick_device

NETWORK = "fc_densenet67"
BATCH, STEPS = 4, 2
# Slices of a fold and their size: as published on a GPU; on a CPU with a sixth of the pixels, in the same proportion.
FOLD, PIXELS = {"cuda": 200, "cpu": 18}, {"cuda": 160, "cpu": 64}
TRAINING = "lesion training windows a second, against a host synchronisation per channel per block"
HALF = "lesion training windows a second, bf16 against fp32"
VALIDATION = "lesion slices validated a second, against all slices of every window"
TOLERANCE = 1e-5


def lesion_rows() -> list[Row]:
    """All rows, with the network in its published size."""
    device = pick_device("auto")
    torch.manual_seed(0)
    model = fc_densenet(NETWORK).to(device)
    pixels = PIXELS[device.type]
    slices = torch.randn(FOLD[device.type], 1, pixels, pixels, device=device)
    return [training_row(model, slices), half_row(model, slices), validation_row(model, slices)]


def training_row(model: FCDenseNet, slices: Tensor) -> Row:
    """Both ways with the same dropout; the first step's loss must agree."""
    ours, plain = (_Training(way, slices) for way in (channels_last(copy.deepcopy(model)), with_means_read(model)))
    same = abs(ours.step() - plain.step()) < TOLERANCE
    row = faster(TRAINING, ours.steps, plain.steps, required=1.3 if slices.is_cuda else 1, rounds=3)
    return row._replace(ok=verdict(row.ok == "yes" and same))


def half_row(model: FCDenseNet, slices: Tensor) -> Row:
    """What bf16 adds on a GPU, apart from all else; its loss is another."""
    if not slices.is_cuda:
        return skipped(HALF, "")
    half, full = (_Training(channels_last(copy.deepcopy(model)), slices, precision) for precision in ("bf16", "fp32"))
    return faster(HALF, half.steps, full.steps, required=1)._replace(required="", ok="")


def validation_row(model: FCDenseNet, slices: Tensor) -> Row:
    """Slices a second, ours in batches as training validates, the plain way in the published ones; same masks."""
    _settle(model, slices)
    windows, masks = list_windows(np.arange(len(slices))), {}
    fast, plain_model = copy.deepcopy(model).eval(), model.eval()
    channels_last(fast)

    def segmented(centres: Callable[[np.ndarray], Tensor], size: int) -> Tensor:
        with torch.inference_mode():
            logits = [centres(windows[start : start + size]) for start in range(0, len(windows), size)]
            return torch.cat([found.cpu().argmax(dim=1) for found in logits])

    def ours() -> int:
        masks["ours"] = segmented(partial(centre_logits, fast, slices[:, 0]), WINDOWS_AT_A_TIME)
        return len(windows)

    def plain() -> int:
        masks["plain"] = segmented(lambda chosen: plain_model(slices[chosen]).softmax(dim=2)[:, CENTRE], BATCH)
        return len(windows)

    row = faster(VALIDATION, ours, plain, required=2.5, rounds=3)
    return row._replace(ok=verdict(row.ok == "yes" and torch.equal(masks["ours"], masks["plain"])))


def with_means_read(model: FCDenseNet) -> nn.Module:
    """A copy that reads the mean of every channel that leaves a level, one by one, as the published code does."""
    copied = copy.deepcopy(model)
    for block in [*copied.transitions_down, *copied.up]:
        block.register_forward_hook(_read_means)
    return copied


def _read_means(_block: nn.Module, _inputs: tuple[Tensor, ...], features: Tensor) -> None:
    for channel in features.unbind(1):
        channel.mean().item()


def _settle(model: FCDenseNet, slices: Tensor) -> None:
    """Give the normalisations of an untrained network the statistics of its own activations."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.train()(slices[None, : 2 * BATCH])


class _Training:
    """A network in training on windows of random slices and masks."""

    def __init__(self, model: nn.Module, slices: Tensor, precision: str = "fp32") -> None:
        self.model, self.precision = model.train(), precision
        self.windows = slices[list_windows(np.arange(BATCH + 2))]
        self.truth = (slices[1 : BATCH + 1, 0] > 2).long()
        self.optimiser = torch.optim.RMSprop(model.parameters(), lr=1e-6)

    def step(self) -> float:
        """The loss of one step."""
        torch.manual_seed(0)
        with autocast(self.windows.device, self.precision):
            loss = soft_dice_loss(self.model(self.windows)[:, CENTRE], self.truth)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss.item()

    def steps(self) -> int:
        """Windows of some steps."""
        for _ in range(STEPS):
            self.step()
        return STEPS * BATCH
