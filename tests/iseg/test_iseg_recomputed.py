"""Dense networks compute inner arrays again for the backward pass: the same numbers, in half the memory."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from iseg.learning import dense_paths, hyperdensenet
from iseg.learning.networks import tissue_network
from reprise.training.measuring import LivingArrays

DENSE = ("densenet1", "densenet2", "densenet3", "hyperdensenet")


@contextmanager
def kept() -> Iterator[None]:
    """Blocks keep all arrays, as without recomputation."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (dense_paths, hyperdensenet):
            patch.setattr(module, "recomputed", lambda block, *inputs: block(*inputs))
        yield


def step(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Gradients of a loss that is not the same for all voxels, drawn dropout included."""
    torch.manual_seed(1)
    logits = model(images)
    logits.square().mean().backward()
    return logits


@pytest.mark.parametrize("name", DENSE)
def test_gradients_statistics_and_random_numbers_are_the_same(name: str) -> None:
    torch.manual_seed(0)
    ours, plain = tissue_network(name, 0.1), tissue_network(name, 0.1)
    plain.load_state_dict(ours.state_dict())
    images = torch.randn(2, 2, 6, 7, 8)
    logits = step(ours, images)
    drawn = torch.rand(3)
    with kept():
        assert torch.equal(step(plain, images), logits)
    assert torch.equal(torch.rand(3), drawn)
    for (key, value), other in zip(ours.state_dict().items(), plain.state_dict().values(), strict=True):
        assert torch.equal(value, other), f"{key}: statistics count each batch once"
    for found, expected in zip(ours.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(found.grad, expected.grad, rtol=1e-4, atol=1e-7)
    for layer in ours.modules():
        assert not isinstance(layer, nn.BatchNorm3d) or layer.momentum == 0.1


def peak(name: str, side: int, width: float, device: str) -> int:
    """Bytes that live at one time in a training step on a crop."""
    with torch.device(device):
        model, images = tissue_network(name, width), torch.zeros(1, 2, side, side, side)
    with LivingArrays(model) as living:
        step(model, images)
    return living.peak


@pytest.mark.parametrize("name", DENSE)
def test_a_step_on_64_cubed_takes_less_than_half_the_memory(name: str) -> None:
    """On the meta device, which computes nothing; the bytes are those of the CPU."""
    with kept():
        without = peak(name, 64, 1, "meta")
    assert peak(name, 64, 1, "meta") < without / 2
    assert peak(name, 8, 0.2, "meta") == peak(name, 8, 0.2, "cpu")
