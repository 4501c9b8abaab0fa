"""Lesion networks by name: U-Nets, files of weights, blocks of volumes, and the losses that train them."""

import numpy as np
import pytest
import torch
from monai.losses import DiceCELoss, DiceLoss
from monai.networks.nets import DynUNet

from mslesion.learning.losses import dice_ce_loss, soft_dice_loss, soft_dice_sums
from mslesion.learning.networks import NAMES, lesion_network
from mslesion.learning.scan_prediction import segment_scan
from reprise.inference.volumes import volume_logits
from reprise.models.unet import UNet, unet
from reprise.models.weights import load_model, save_model
from reprise.step.errors import InputError


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(4, 2, 8, 6, generator=generator), torch.rand(4, 8, 6, generator=generator) < 0.3


def test_a_unet_computes_what_monais_does():
    network = DynUNet(2, 1, 2, [3] * 4, [1, 2, 2, 2], [2] * 3, [4, 8, 8, 16])
    x = torch.randn(2, 1, 32, 48)
    assert torch.allclose(UNet(network)(x), network(x))


@pytest.mark.parametrize(("name", "shape"), [("unet_2d", (2, 1, 64, 64)), ("unet_3d", (2, 1, 32, 32, 48))])
def test_narrow_unets_train(name, shape):
    model = unet(name, 0.125)
    logits = model(torch.randn(shape))
    assert logits.shape == (2, 2, *shape[2:])
    dice_ce_loss(logits, torch.ones(2, *shape[2:])).backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize("network", ["unet_2d", "fc_densenet57"])
def test_slices_of_one_pixel_are_segmented(network):
    info = {"size": None, "normalisation": {"mean": 0.1, "std": 0.1}, "settings": {"precision": "fp32"}}
    info["network"] = network
    scan = np.ones((2, 1, 1), np.uint8)
    assert segment_scan(lesion_network(network, 0.125).eval(), info, scan, torch.device("cpu")).shape == (2, 1, 1)


def test_weights_of_every_kind_of_network_come_back(tmp_path):
    info = {"kind": "lesions", "width": 0.125, "normalisation": {}, "settings": {}}
    for name in ("fc_densenet57_no_lstm", "unet_3d"):
        model = lesion_network(name, 0.125).eval()
        save_model(tmp_path / "model.safetensors", model, info | {"network": name})
        again, _ = load_model(tmp_path / "model.safetensors", torch.device("cpu"), "lesions", lesion_network)
        assert not again.training and again.state_dict().keys() == model.state_dict().keys()
        assert all(torch.equal(value, model.state_dict()[at]) for at, value in again.state_dict().items())


def test_what_does_not_exist_is_named():
    assert len(NAMES) == 17
    with pytest.raises(InputError, match="network: expected one of fc_densenet57"):
        lesion_network("unet")
    with pytest.raises(InputError, match="width: expected above 0"):
        lesion_network("unet_3d", 0)


class Pointwise(torch.nn.Module):
    """Logits that depend on a voxel alone, so that blocks must not show."""

    def forward(self, volumes):
        assert volumes.shape[2:] == (8, 8, 16)
        return torch.cat([-volumes, volumes * volumes], dim=1)


@pytest.mark.parametrize("shape", [(20, 9, 33), (5, 8, 16)])
def test_blocks_cover_a_volume_of_any_size(shape):
    volume = torch.randn(1, 1, *shape, generator=torch.Generator().manual_seed(0))
    expected = torch.cat([-volume, volume * volume], dim=1)
    assert torch.allclose(volume_logits(Pointwise(), volume, (8, 8, 16)), expected, atol=1e-5)


def test_soft_dice_is_the_published_one_by_hand():
    # Probabilities of lesion: 0.75, 0.25, 0.5, 0.5; the first and the last pixel are lesion.
    logits = torch.tensor([[[0.0, 0], [0, 0]], [[3.0, 1 / 3], [1, 1]]]).clamp(min=1e-30).log().nan_to_num(neginf=0)
    logits[0] = 0
    pair = logits[None], torch.tensor([[[1, 0], [0, 1]]])
    assert soft_dice_sums(*pair).tolist() == pytest.approx([1.25, 4.0])
    assert soft_dice_loss(*pair).item() == pytest.approx(1 - 2.6 / 4.1)


def test_losses_are_monais(batch):
    logits, truth = batch
    options = {"include_background": False, "to_onehot_y": True, "softmax": True, "batch": True}
    published = DiceLoss(**options, smooth_nr=0.1, smooth_dr=0.1)
    assert soft_dice_loss(logits, truth) == pytest.approx(published(logits, truth[:, None]).item())
    combined = DiceCELoss(**options)(logits, truth[:, None])
    assert dice_ce_loss(logits, truth) == pytest.approx(combined.item())


def test_an_empty_batch_of_lesions_has_a_finite_loss():
    logits, nothing = torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 4)
    logits[:, 0] = 200
    assert soft_dice_loss(logits, nothing) == 0
    assert dice_ce_loss(logits, nothing) == pytest.approx(0)
