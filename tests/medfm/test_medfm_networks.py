"""Networks by timm's name: known sizes, a training step of each family, and weights that others trained."""

import math

import pytest
import safetensors.torch
import torch

from medfm.learning.networks import finding_network, last_layers
from reprise.step.errors import InputError
from reprise.training.optimiser import optimiser_of, take_step

# A small member of each named family, where timm lets it have few blocks.
SMALL = {
    "densenet121": {"growth_rate": 4, "block_config": [2, 2, 2, 2]},
    "efficientnet_b4": {},
    "vit_base_patch16_224": {"depth": 2, "embed_dim": 48, "num_heads": 3},
    "swin_base_patch4_window12_384": {"depths": [1, 1, 1, 1], "embed_dim": 24, "num_heads": [2, 2, 2, 2]},
    "vit_small_patch14_dinov2": {"depth": 2, "embed_dim": 48, "num_heads": 3},
    "eva02_tiny_patch14_224": {"depth": 2, "embed_dim": 48, "num_heads": 3},
    "vit_base_patch16_clip_224": {"depth": 2, "embed_dim": 48, "num_heads": 3},
    "beit_base_patch16_224": {"depth": 2, "embed_dim": 48, "num_heads": 3},
}
VIT, VIT_ARGUMENTS = "vit_base_patch16_224", SMALL["vit_base_patch16_224"]


def size_of(network):
    return 56 if "patch14" in network else 64


@pytest.mark.parametrize("network", SMALL)
def test_each_family_learns_at_another_size(network):
    torch.manual_seed(0)
    size = size_of(network)
    model = finding_network(network, 4, size, SMALL[network]).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimiser = optimiser_of(model, "adamw", 1e-3, 0.9, 0.05)
    logits = model(torch.randn(2, 3, size, size))
    assert logits.shape == (2, 4)
    torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.eye(4)[:2]).backward()
    take_step(optimiser)
    for layer in last_layers(model):
        assert not torch.equal(model.get_parameter(f"{layer}.weight"), before[f"{layer}.weight"])
    changed = sum(not torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert changed > len(before) / 2


@pytest.mark.parametrize(
    ("network", "millions"),
    [("densenet121", 7.98), ("efficientnet_b4", 19.34), (VIT, 86.57), ("swin_base_patch4_window12_384", 87.90)],
)
def test_the_published_numbers_of_parameters(network, millions):
    with torch.device("meta"):
        model = finding_network(network, 1000, 384)
    counted = sum(math.prod(parameter.shape) for parameter in model.parameters()) / 1e6
    if network == VIT:  # published for 224 px: 196 places, not 576
        counted -= (576 - 196) * 768 / 1e6
    assert counted == pytest.approx(millions, abs=0.006)


def test_weights_of_another_size_and_last_layer(tmp_path):
    file = tmp_path / "vit.safetensors"
    trained = finding_network(VIT, 7, 64, VIT_ARGUMENTS)
    safetensors.torch.save_file(trained.state_dict(), file)
    model = finding_network(VIT, 19, 96, VIT_ARGUMENTS, "imagenet", file)
    assert model.head.weight.shape == (19, 48)
    assert torch.equal(model.blocks[1].mlp.fc1.weight, trained.blocks[1].mlp.fc1.weight)
    assert torch.equal(model.pos_embed[:, 0], trained.pos_embed[:, 0])  # of the class token
    assert model.pos_embed.shape == (1, 1 + 36, 48)
    grid = [
        embed[:, 1:].unflatten(1, (side, side)).mean((1, 2))
        for embed, side in ((trained.pos_embed, 4), (model.pos_embed, 6))
    ]
    assert torch.allclose(*grid, atol=2e-3)


def test_densenet_takes_the_names_of_torchvision(tmp_path):
    trained = finding_network("densenet121", 7, 64, SMALL["densenet121"])
    renamed = {
        name.replace("norm1", "norm.1").replace("conv2", "conv.2") if "denselayer" in name else name: tensor
        for name, tensor in trained.state_dict().items()
    }
    torch.save(renamed, tmp_path / "densenet.pth")
    model = finding_network("densenet121", 2, 64, SMALL["densenet121"], "imagenet", tmp_path / "densenet.pth")
    name = "features.denseblock3.denselayer2.norm1.weight"
    assert torch.equal(model.get_parameter(name), trained.get_parameter(name))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": 3}, "of another network: .* missing"),
        ({"depth": 1}, "it has no blocks"),
        ({"embed_dim": 24}, "shape"),
    ],
)
def test_weights_of_another_network_are_one_line(tmp_path, arguments, message):
    file = tmp_path / "vit.safetensors"
    safetensors.torch.save_file(finding_network(VIT, 7, 64, VIT_ARGUMENTS).state_dict(), file)
    with pytest.raises(InputError, match=rf"vit\.safetensors: .*{message}") as caught:
        finding_network(VIT, 7, 64, VIT_ARGUMENTS | arguments, "imagenet", file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("network", "size", "arguments", "message"),
    [
        ("densenet1210", 64, {}, "expected a name that timm .* knows, found densenet1210"),
        ("hf-hub:someone/model", 64, {}, "expected a name that timm"),
        (VIT, 72, VIT_ARGUMENTS, "expected a multiple of its patches' 16 px, found 72"),
        ("densenet121", 64, {"depth": 3}, "densenet121: timm makes no such network"),
        (VIT, 64, {"pretrained": True}, "timm makes no such network"),
        (VIT, 64, {"num_heads": 5, "embed_dim": 48}, "timm makes no such network"),
    ],
)
def test_a_network_that_timm_does_not_make_is_one_line(network, size, arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        finding_network(network, 2, size, arguments)
    assert "\n" not in str(caught.value)


def test_weights_without_a_file_are_one_line():
    with pytest.raises(InputError, match="weights imagenet: expected a file"):
        finding_network(VIT, 2, 64, VIT_ARGUMENTS, "imagenet")
