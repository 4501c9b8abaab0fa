"""Tissue networks by name: published sizes, what they map and learn, and MONAI's V-Net."""

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import torch
from monai.networks.nets import VNet, resnet18
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from iseg.learning.networks import COMPILED, NAMES, check_sides, multiple_of, tissue_network
from iseg.learning.prediction import tissue_slabs
from reprise.step.errors import InputError

PARAMETERS = {
    "unet3d": 1_781_744,
    "vnet": 45_613_956,
    "vnet2": 12_249_988,
    "densenet1": 2_697_811,
    "densenet3": 2_995_086,
    "hyperdensenet": 10_361_922,
    "skipdensenet3d": 1_552_256,
    "densevoxelnet": 1_783_296,
    "highresnet": 810_308,
    "resnetmed3d": 36_166_912,
    "resnet3dvae": 20_521_718,
}
# Of 64 cubed, in 10^9. HYPERDENSENET's published count is of convolutions without padding.
MULTIPLY_ADDS = {
    "unet3d": 7.23,
    "vnet": 94.1,
    "densenet1": 706,
    "skipdensenet3d": 20.6,
    "densevoxelnet": 21.5,
    "highresnet": 212,
}
WIDTH = 0.125


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@cache
def without_values(name: str) -> nn.Module:
    """A network of width 1 that takes no memory."""
    with torch.device("meta"):
        return tissue_network(name)


def sides(name: str) -> tuple[int, int, int]:
    """Three different sides, the smallest that a network takes but for those of one coarsest voxel."""
    step = multiple_of(name)
    return (step, 2 * step, 3 * step) if step > 1 else (6, 7, 9)


def images(name: str, batch: int = 2) -> Tensor:
    return torch.randn(batch, 2, *sides(name))


def loss_of(answer: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of every group of four logits, and the mean of the penalty if there is one."""
    heads = answer[:, : answer.shape[1] // 4 * 4].unflatten(1, (-1, 4)).unbind(dim=1)
    penalty = answer[:, -1].mean() if answer.shape[1] % 4 else torch.zeros(())
    return penalty + sum(nn.functional.cross_entropy(head, truth) for head in heads)


@pytest.mark.parametrize("name", PARAMETERS)
def test_published_numbers_of_parameters(name: str) -> None:
    assert sum(parameter.numel() for parameter in without_values(name).parameters()) == PARAMETERS[name]


def test_the_u_net_of_cicek_has_the_parameters_of_its_paper() -> None:
    """The paper tells 19,069,955 for three modalities and three classes, without those of batch normalisation."""
    layers = [layer for layer in without_values("cicek_unet3d").modules() if not isinstance(layer, nn.BatchNorm3d)]
    ours = sum(parameter.numel() for layer in layers for parameter in layer.parameters(recurse=False))
    assert ours + 32 * 3**3 - (64 + 1) == 19_069_955


@pytest.mark.parametrize("name", MULTIPLY_ADDS)
def test_published_multiply_adds(name: str) -> None:
    with torch.no_grad(), FlopCounterMode(display=False) as flops:
        without_values(name).train()(torch.empty(1, 2, 64, 64, 64, device="meta"))
    assert flops.get_total_flops() / 2 == pytest.approx(MULTIPLY_ADDS[name] * 1e9, rel=0.003)


@pytest.mark.parametrize("name", NAMES)
def test_each_network_learns(name: str) -> None:
    model, batch = tissue_network(name, WIDTH), images(name)
    truth = batch[:, 0].gt(0) + 2 * batch[:, 1].gt(0)  # each voxel tells its class
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(3):
        optimiser.zero_grad()
        loss = loss_of(model(batch), truth)
        loss.backward()
        assert all(parameter.grad.isfinite().all() for parameter in model.parameters()), name
        assert sum(not parameter.grad.any() for parameter in model.parameters()) < 3
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", NAMES)
def test_in_evaluation_each_network_gives_four_logits_a_voxel_and_sees_both_modalities(name: str) -> None:
    model, batch = tissue_network(name, WIDTH).eval(), images(name, 1)
    with torch.inference_mode():
        logits = model(batch)
        assert logits.shape == (1, 4, *sides(name)) and logits.isfinite().all()
        assert torch.equal(model(batch), logits), "nothing is drawn"
        for modality in range(2):
            other = batch.clone()
            other[:, modality] += torch.randn(sides(name))
            assert not torch.allclose(model(other), logits, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_single_crop_of_the_smallest_sides_that_pass_the_check_trains(name: str) -> None:
    step = multiple_of(name)
    smallest = (step, 2 * step, step)
    check_sides(name, smallest)
    answer = without_values(name).train()(torch.empty(1, 2, *smallest, device="meta"))
    assert answer.shape[2:] == smallest
    with pytest.raises(InputError, match=f"sides for {name}: "):
        check_sides(name, (step, step, step))


@pytest.mark.parametrize("name", NAMES)
def test_in_training_some_give_more_than_four_channels(name: str) -> None:
    channels = {"densevoxelnet": 8, "resnet3dvae": 5}.get(name, 4)
    with torch.no_grad():
        assert without_values(name).train()(torch.empty(1, 2, *sides(name), device="meta")).shape[1] == channels


def test_resnetmed3d_is_monais_resnet_until_it_dilates() -> None:
    options = {"conv1_t_stride": 2, "feed_forward": False, "bias_downsample": False, "widen_factor": 0.25}
    ours, theirs = tissue_network("resnetmed3d", 0.25).eval(), resnet18(n_input_channels=2, **options).eval()
    own = [value for name, value in ours.state_dict().items() if name.startswith(("stem", "blocks"))]
    theirs.load_state_dict(dict(zip(theirs.state_dict(), own, strict=True)))  # both have their layers in one order
    with torch.no_grad():
        images = torch.randn(1, 2, 32, 32, 32)
        stem = theirs.maxpool(theirs.act(theirs.bn1(theirs.conv1(images))))
        eighth = theirs.layer2(theirs.layer1(stem))
        torch.testing.assert_close(ours.blocks[:4](ours.stem(images)), eighth)
        assert ours.blocks(ours.stem(images)).shape[2:] == (4, 4, 4)
        assert theirs.layer4(theirs.layer3(eighth)).shape[2:] == (1, 1, 1)


def test_unet3d_is_the_network_that_the_protocol_describes() -> None:
    """Written out with plain functions: context path, localisation path, and the sum of three heads."""
    model = tissue_network("unet3d", WIDTH).eval().requires_grad_(False)
    weights, batch = dict(model.named_parameters()), images("unet3d")

    def conv(x: Tensor, name: str, stride: int = 1) -> Tensor:
        return nn.functional.conv3d(x, weights[name], stride=stride, padding=weights[name].shape[-1] // 2)

    def leaky(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, 0.01 * x)

    def norm(x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x, dim=(2, 3, 4), correction=0, keepdim=True)
        return leaky((x - mean) / (variance + 1e-5).sqrt())

    def larger(x: Tensor) -> Tensor:
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3).repeat_interleave(2, 4)

    first = conv(batch, "first.weight")
    x = conv(leaky(conv(leaky(first), "residual.1.weight")), "residual.4.weight") + first
    context, x = [leaky(x)], norm(x)
    for level in range(4):
        entry = conv(x, f"down.{level}.weight", stride=2)
        x = conv(norm(conv(norm(entry), f"shared.{level}.2.weight")), f"shared.{level}.2.weight")
        x = norm(x + entry)
        context.append(x)
    x = norm(conv(norm(conv(larger(x), "up.0.1.weight")), "deepest.0.weight"))
    x = norm(conv(torch.cat([x, context[3]], 1), "merge.0.0.weight"))
    found = torch.zeros(2, 4, 1, 1, 1)
    for level in range(3):
        x = norm(conv(larger(norm(conv(x, f"halve.{level}.0.weight"))), f"up.{level + 1}.1.weight"))
        x = norm(conv(torch.cat([x, context[2 - level]], 1), f"merge.{level + 1}.0.weight"))
        found = conv(x, f"heads.{level}.weight") + (larger(found) if level else 0)
    assert torch.allclose(model(batch), found, atol=1e-4)


def test_the_penalty_of_resnet3dvae_is_the_sum_of_two_losses() -> None:
    """A code that is what it should be costs nothing, and a reconstruction of nothing what the images are."""
    model = tissue_network("resnet3dvae", WIDTH)
    batch = torch.randn(2, 2, 16, 16, 24)
    for layer in (model.autoencoder.code, model.autoencoder.decode[-1]):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    assert torch.allclose(model(batch)[:, 4], 0.1 * batch.square().mean(dim=1), atol=1e-6)
    nn.init.ones_(model.autoencoder.code.bias)  # the mean and the logarithm of the variance of 64 / 2 numbers
    expected = 0.1 * batch.square().mean(dim=1) + 0.1 * 32 * (1 + math.e - 1 - 1) / (16 * 16 * 24)
    assert torch.allclose(model(batch)[:, 4], expected, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_each_network_segments_a_whole_volume_of_any_size(name: str) -> None:
    model, volume = tissue_network(name, WIDTH).eval(), torch.randn(2, 19, 18, 33)
    step = max(multiple_of(name), 8)
    settings = {"crop": [step, step, 2 * step], "overlap": 0.25, "precision": "fp32", "normalisation": "crop"}
    logits = torch.cat(list(tissue_slabs(model, volume, settings)), dim=1)
    assert logits.shape == (4, 19, 18, 33) and logits.isfinite().all()


def leaves(model: nn.Module, batch: Tensor) -> Iterator[nn.Module]:
    """The layers with parameters in the order in which they run."""
    found: list[nn.Module] = []
    layers = [layer for layer in model.modules() if any(True for _ in layer.parameters(recurse=False))]
    hooks = [layer.register_forward_hook(lambda layer, *_: found.append(layer)) for layer in layers]
    with torch.no_grad():
        model(batch)
    for hook in hooks:
        hook.remove()
    return iter(found)


def test_the_v_net_is_monais() -> None:
    theirs = VNet(3, 2, 4, act="prelu", dropout_prob_down=0.5, dropout_prob_up=(0.5, 0.5), bias=True)
    ours, batch = tissue_network("vnet"), torch.randn(2, 2, 16, 16, 32)
    theirs(batch)  # so that the statistics of its normalisations are its own
    for layer, same in zip(leaves(ours.eval(), batch), leaves(theirs.eval(), batch), strict=True):
        none = {"bias": torch.zeros(len(layer.bias))} if hasattr(layer, "bias") else {}  # some of MONAI's have none
        layer.load_state_dict(none | same.state_dict())
    with torch.inference_mode():
        assert torch.allclose(ours(batch), theirs(batch), atol=1e-5)


def test_what_does_not_exist_is_named() -> None:
    assert COMPILED.keys() <= set(NAMES)
    for width in (0, 1.1):
        with pytest.raises(InputError, match=f"width: expected above 0 and at most 1, found {width}"):
            tissue_network("unet3d", width)
    for call in (tissue_network, multiple_of):
        with pytest.raises(InputError, match=r"network: expected one of unet3d, vnet, .*, found unet"):
            call("unet")


@pytest.mark.parametrize("wrong", [(16, 16, 16), (32, 32, 40), (0, 32, 32)])
def test_sides_that_a_network_cannot_take_are_told(wrong: tuple[int, int, int]) -> None:
    check_sides("unet3d", (16, 16, 32))
    with pytest.raises(InputError, match=r"sides for unet3d: expected multiples of 16, .* found \d+ x \d+ x \d+$"):
        check_sides("unet3d", wrong)


@pytest.mark.parametrize(
    "wrong", [[32, 32], [32], [], [32, 32, 32, 32], 32, None, "323", [32.0, 32, 32], [32, 32, None]]
)
def test_sides_that_are_no_three_numbers_are_told(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"^sides for unet3d: expected three whole numbers, found "):
        check_sides("unet3d", wrong)
