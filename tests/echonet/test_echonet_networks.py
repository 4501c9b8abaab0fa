"""Networks: published sizes, narrow ones, initial weights of others."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torchvision.models import resnet18, resnet50, video

from echonet.learning.segmentation_network import segmentation_network
from echonet.learning.video_network import video_network
from project import ROOT, environment
from reprise.models.initial import read_state_dict
from reprise.models.narrow import narrow
from reprise.step.errors import InputError

PARAMETERS = {"r2plus1d_18": 31_300_638, "r3d_18": 33_166_785, "mc3_18": 11_490_753}
SEGMENTATION = [
    "deeplabv3_resnet50",
    "deeplabv3_resnet101",
    "deeplabv3_mobilenet_v3_large",
    "fcn_resnet50",
    "lraspp_mobilenet_v3_large",
]


def parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("network", PARAMETERS)
def test_video_networks_have_the_published_size_and_start_at_the_mean(network):
    model = video_network(network)
    assert parameters(model) == PARAMETERS[network]
    assert model.fc.bias.item() == pytest.approx(55.6)


def test_deeplab_has_the_published_size():
    assert parameters(segmentation_network("deeplabv3_resnet50")) == 39_633_729


@pytest.mark.parametrize("network", PARAMETERS)
@pytest.mark.parametrize("width", [0.125, 0.3])
def test_narrow_video_networks_train(network, width):
    model = video_network(network, width)
    assert parameters(model) == pytest.approx(PARAMETERS[network] * width**2, rel=0.1)
    loss = model(torch.randn(2, 3, 4, 32, 32)).sum()
    loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize("network", SEGMENTATION)
@pytest.mark.parametrize("width", [0.125, 0.3])
def test_narrow_segmentation_networks_train(network, width):
    model = segmentation_network(network, width)
    out = model(torch.randn(2, 3, 48, 48))
    assert list(out) == ["out"]
    assert out["out"].shape == (2, 1, 48, 48)
    out["out"].sum().backward()
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_narrowing_keeps_depthwise_convolutions_and_the_image_channels():
    model = segmentation_network("lraspp_mobilenet_v3_large", 0.125)
    convolutions = [layer for layer in model.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert convolutions[0].in_channels == 3
    depthwise = [layer for layer in convolutions if layer.kernel_size != (1, 1)][1:]
    assert all(layer.groups == layer.in_channels == layer.out_channels for layer in depthwise)


def test_narrowing_depends_on_the_seed_alone():
    models = []
    for _ in range(2):
        torch.manual_seed(3)
        models.append(video_network("mc3_18", 0.125).state_dict())
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: video_network("swin3d_t"), "network: expected one of r2plus1d_18"),
        (lambda: segmentation_network("resnet50"), "network: expected one of deeplabv3"),
        (lambda: segmentation_network("fcn_resnet50", weights="kinetics400"), "weights: expected one of random"),
        (lambda: video_network("r3d_18", width=2), "width: expected above 0"),
        (lambda: video_network("r3d_18", weights="kinetics400"), "expected a file"),
        (lambda: video_network("r3d_18", weights="coco"), "weights: expected one of random, kinetics400"),
        (lambda: narrow(lambda: torch.nn.Sequential(torch.nn.LayerNorm(4)), 0.5, (3, 4, 4)), "found LayerNorm"),
    ],
)
def test_what_does_not_exist_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_imagenet_weights_fill_the_backbone_only(tmp_path):
    torch.save(resnet50().state_dict(), tmp_path / "resnet50.pth")
    model = segmentation_network("deeplabv3_resnet50", 1, "imagenet_backbone", tmp_path / "resnet50.pth")
    state = read_state_dict(tmp_path / "resnet50.pth")
    assert torch.equal(model.backbone.layer4[2].conv3.weight, state["layer4.2.conv3.weight"])
    torch.save(resnet18().state_dict(), tmp_path / "resnet18.pth")
    with pytest.raises(InputError, match="weights of another network"):
        segmentation_network("deeplabv3_resnet50", 1, "imagenet_backbone", tmp_path / "resnet18.pth")
    with pytest.raises(InputError, match=r"expected width 1, found 0\.5"):
        segmentation_network("deeplabv3_resnet50", 0.5, "imagenet_backbone", tmp_path / "resnet50.pth")


def test_kinetics_weights_fill_all_but_the_last_layer(tmp_path):
    torch.save(video.mc3_18().state_dict(), tmp_path / "mc3.pth")
    model = video_network("mc3_18", 1, "kinetics400", tmp_path / "mc3.pth")
    assert torch.equal(
        model.layer1[0].conv1[0].weight, read_state_dict(tmp_path / "mc3.pth")["layer1.0.conv1.0.weight"]
    )
    assert model.fc.bias.item() == pytest.approx(55.6)
    with pytest.raises(InputError, match="weights of another network"):
        video_network("r3d_18", 1, "kinetics400", tmp_path / "mc3.pth")


def test_a_released_checkpoint_fills_the_last_layer_too(tmp_path):
    released = video_network("mc3_18")
    torch.nn.init.constant_(released.fc.weight, 0.5)
    state = {f"module.{name}": tensor for name, tensor in released.state_dict().items()}
    checkpoint = {"epoch": 3, "state_dict": state, "r2": np.float64(0.8), "opt_dict": {"param_groups": [{"lr": 1e-4}]}}
    torch.save(checkpoint, tmp_path / "released.pt")
    model = video_network("mc3_18", 1, "kinetics400", tmp_path / "released.pt")
    assert torch.equal(model.fc.weight, released.fc.weight)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\x80\x02}q\x00", b"not weights at all", None])
def test_unreadable_weights_are_one_message(tmp_path, content):
    path = tmp_path / "weights.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"weights\.pth"):
        read_state_dict(path)


def test_weights_never_run_code(tmp_path):
    torch.save({"state_dict": print}, tmp_path / "evil.pth")
    with pytest.raises(InputError, match=r"evil\.pth: not a readable file of weights"):
        read_state_dict(tmp_path / "evil.pth")


def test_weights_that_are_not_finite_are_refused(tmp_path):
    torch.save({"a": torch.tensor([1.0, float("nan")])}, tmp_path / "nan.pth")
    with pytest.raises(InputError, match=r"nan\.pth: .*not finite, such as a"):
        read_state_dict(tmp_path / "nan.pth")


def test_networks_are_imported_without_pytorchs_compiler_which_still_works_later() -> None:
    code = """
import sys, torch
from echonet.learning import segmentation_network, video_network
from reprise.inference.volumes import volume_logits
from reprise.models.unet import unet
video_network.video_network("r3d_18", 0.125)
volume_logits(unet("unet_3d", 0.1).eval(), torch.zeros(1, 1, 32, 32, 32), (32, 32, 32))
assert "torch._dynamo" not in sys.modules
assert torch.compile(torch.nn.Linear(2, 2), backend="eager")(torch.ones(1, 2)).shape == (1, 2)
assert torch._dynamo.utils.is_compile_supported("cpu")
"""
    path = {"PYTHONPATH": str(ROOT / "workflow_scripts")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment() | path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
