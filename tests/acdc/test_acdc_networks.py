"""Networks of the heart by name, their losses against independent formulations, and stacks on the networks' grid."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.losses import DiceCELoss
from torchvision.models import resnet34

from acdc.learning.losses import published_loss
from acdc.learning.networks import FEWEST, NAMES, PUBLISHED, heart_network, logits_of, sees_blocks
from acdc.learning.prediction import load_heart_network, probabilities_of
from acdc.learning.stacks import Grid, prepared, prepared_labels, restored
from project import ROOT, environment
from reprise.models.weights import save_model
from reprise.step.errors import InputError
from reprise.training.class_losses import dice_ce_loss

CPU = torch.device("cpu")
PARAMETERS = {"unet": 24_436_804, "linknet": 21_772_036, "fpn": 23_155_780}
INFO = {"kind": "heart", "protocol": "sound", "width": 0.125, "size": 64, "normalisation": {"spacing_mm": 2.0}}
INFO |= {"settings": {"precision": "fp32", "block": [16, 32, 32]}}


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (3, 4, 8, 6) and classes; class 1 is nowhere."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(0, 4, (3, 8, 6), generator=generator)
    return torch.randn(3, 4, 8, 6, generator=generator), torch.where(truth == 1, 0, truth).to(torch.uint8)


@pytest.mark.parametrize("network", PARAMETERS)
def test_networks_have_the_size_that_was_measured(network: str) -> None:
    with torch.device("meta"):
        model = heart_network(network)
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[network]


@pytest.mark.parametrize("network", NAMES)
def test_narrow_networks_train_in_all_their_parts(network: str) -> None:
    shape = (2, 1, 32, 32, 32) if sees_blocks(network) else (2, 1, 64, 96)
    torch.manual_seed(0)
    model = heart_network(network, 0.125)
    logits = logits_of(model, torch.randn(shape))
    assert logits.shape == (2, 4, *shape[2:])
    dice_ce_loss(logits, torch.ones(2, *shape[2:], dtype=torch.uint8)).backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())
    if network in PUBLISHED:
        widths = [layer.out_channels for layer in model.modules() if isinstance(layer, torch.nn.Conv2d)]
        assert min(widths[:-1]) == FEWEST and max(widths) == 64 and widths[-1] == 4


@pytest.mark.parametrize("network", ["linknet", "pspnet"])
def test_imagenet_weights_fill_the_encoder_and_nothing_else(tmp_path: Path, network: str) -> None:
    torch.manual_seed(1)
    others = resnet34()
    torch.save(others.state_dict(), tmp_path / "resnet34.pth")
    torch.manual_seed(0)
    model = heart_network(network, weights="imagenet", initial=tmp_path / "resnet34.pth")
    torch.manual_seed(0)
    fresh = heart_network(network).state_dict()
    theirs = {f"encoder.{name}": tensor for name, tensor in others.state_dict().items()}
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, theirs[name] if name.startswith("encoder.") else fresh[name]), name


def test_what_does_not_exist_is_named() -> None:
    with pytest.raises(InputError, match=r"network: expected one of unet, linknet, .* found deeplab"):
        heart_network("deeplab")
    with pytest.raises(InputError, match="weights: expected one of random, imagenet, found coco"):
        heart_network("unet", weights="coco")
    with pytest.raises(InputError, match="width: expected above 0 and at most 1, found 2"):
        heart_network("fpn", 2)


def test_the_published_loss_of_perfect_and_of_even_answers_is_what_keras_gives() -> None:
    truth = torch.arange(4).repeat(2, 8, 2)  # each class as often as the others
    perfect = torch.nn.functional.one_hot(truth, 4).movedim(-1, 1) * 100.0
    assert published_loss(perfect, truth).item() == pytest.approx(0.75, abs=1e-6)
    even, focal = published_loss(torch.zeros(2, 4, 8, 8), truth).item(), 0.25 * 0.75**2 * np.log(4) / 4
    assert even - focal == pytest.approx(0.9375, abs=1e-6)


def test_the_published_loss_is_the_one_written_out_pixel_by_pixel() -> None:
    logits, truth = batch()
    found = published_loss(logits, truth).item()
    shares, dice, focal = logits.softmax(dim=1).numpy(), [], 0.0
    for number in range(4):
        share, true = shares[:, number], truth.numpy() == number
        dice.append((2 * share[true].sum() + 1e-5) / (share.sum() + true.sum() + 1e-5))
        focal += -(0.25 * (1 - share[true]) ** 2 * np.log(share[true])).sum()
    assert found == pytest.approx(1 - 0.25 * np.mean(dice) + focal / shares.size, rel=1e-5)


def test_the_sound_loss_is_monais() -> None:
    logits, truth = batch()
    theirs = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)
    assert dice_ce_loss(logits, truth).item() == pytest.approx(theirs(logits, truth[:, None].long()).item())


def test_a_stack_is_standardised_and_has_the_pixels_of_the_grid() -> None:
    stack = np.random.default_rng(0).integers(-5, 900, (3, 40, 30)).astype(np.int16)
    same = prepared(stack, (2.0, 2.0), Grid(2.0, 64), CPU)
    assert same.shape == (3, 64, 64) and not same[:, :12].any() and not same[:, :, 47:].any()
    inside = same[:, 12:52, 17:47].numpy()
    np.testing.assert_allclose(inside, (stack - stack.mean()) / stack.std(), atol=1e-5)
    finer = prepared(stack, (2.0, 2.0), Grid(1.0, 96), CPU)
    assert (finer != 0).any(dim=0).nonzero().aminmax(dim=0).min.tolist() == [8, 18]
    assert not prepared(np.full((2, 8, 8), 7), (1.0, 1.0), Grid(1.0, 32), CPU).any()


def test_labels_take_the_class_with_the_largest_share_and_never_one_between() -> None:
    labels = np.zeros((1, 40, 40), np.uint8)
    labels[:, :, 20:] = 3
    halved = prepared_labels(labels, (1.0, 1.0), Grid(2.0, 32), CPU)
    assert halved.dtype == torch.uint8 and halved.unique().tolist() == [0, 3]
    assert (halved == 3).sum() == 20 * 10, "half of each side"


@pytest.mark.parametrize("spacing", [(1.0, 1.5), (3.0, 2.0)])
def test_probabilities_come_back_to_their_own_pixels(spacing: tuple[float, float]) -> None:
    labels = np.zeros((2, 50, 46), np.uint8)
    labels[:, 10:30, 12:34] = 2
    labels[:, 14:26, 18:30] = 3
    grid = Grid(1.0, 96)
    shares = torch.nn.functional.one_hot(prepared_labels(labels, spacing, grid, CPU).long(), 4).movedim(-1, 1).float()
    back = restored(shares, labels.shape[1:], spacing, grid)
    assert back.shape == (2, 4, 50, 46) and torch.allclose(back.sum(dim=1), torch.ones(2, 50, 46))
    where = np.s_[:, 10:40, :] if spacing[0] == 3 else np.s_[:]  # the grid holds 96 of 150 mm
    assert (back.argmax(dim=1).numpy() == labels)[where].mean() > 0.99
    assert spacing[0] == 1 or (back[:, 0, 0] == 1).all(), "what was cut off is background"


@pytest.mark.parametrize(
    ("shape", "spacing", "size"),
    [
        ((53, 58), (0.97, 1.28), 96),
        ((51, 49), (2.1, 1.9), 64),
        ((61, 47), (1.37, 1.68), 32),
        ((61, 48), (1.4, 1.4), 64),
    ],
)
def test_a_heart_beside_the_centre_is_brought_back_to_where_it_was(
    shape: tuple[int, int], spacing: tuple[float, float], size: int
) -> None:
    random, grid, moved = np.random.default_rng(0), Grid(1.4, size), []
    extent = np.multiply(shape, spacing)
    most = np.minimum(extent, size * grid.spacing_mm) / 2 - 12  # so that the grid holds all of it
    y, x = ((np.arange(length) + 0.5) * mm for length, mm in zip(shape, spacing, strict=True))
    for _ in range(12):
        centre = extent / 2 + random.uniform(-1, 1, 2) * most
        labels = np.where(np.hypot(*np.ix_(y - centre[0], x - centre[1])) < 8, 3, 0).astype(np.uint8)
        on_grid = prepared_labels(labels[None], spacing, grid, CPU)
        shares = torch.nn.functional.one_hot(on_grid.long(), 4).movedim(-1, 1).float()
        found = restored(shares, shape, spacing, grid).argmax(dim=1)[0].numpy()
        places = [np.argwhere(mask == 3).mean(axis=0) * spacing for mask in (found, labels)]
        moved.append(places[0] - places[1])
    assert np.abs(np.mean(moved, axis=0)).max() < 0.15, "mm; half a pixel of the grid is 0.7"
    assert np.abs(moved).max() < 0.7


@pytest.mark.parametrize("network", ["linknet", "unet_2d", "unet_3d"])
def test_probabilities_of_a_stack_do_not_depend_on_how_it_lies_if_flips_are_averaged(network: str) -> None:
    torch.manual_seed(0)
    model = heart_network(network, 0.125).eval()
    stack = np.random.default_rng(1).normal(size=(5, 40, 48))
    info = INFO | {"network": network}
    found = probabilities_of(model, info, stack, (8.0, 2.0, 2.5), CPU)
    assert found.shape == (5, 40, 48, 4) and found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)
    mean, mirrored = (
        probabilities_of(model, info, images, (8.0, 2.0, 2.5), CPU, flips=True) for images in (stack, stack[:, ::-1])
    )
    np.testing.assert_allclose(mean, mirrored[:, ::-1], atol=2e-5)
    assert np.abs(mean - found).max() > 1e-4


def test_files_of_weights_say_what_they_lack(tmp_path: Path) -> None:
    path, model = tmp_path / "weights.safetensors", heart_network("pspnet", 0.125)
    info = INFO | {"network": "pspnet"}
    save_model(path, model, info)
    again, found = load_heart_network(path, CPU)
    assert found == info and all(torch.equal(a, b) for a, b in zip(again.parameters(), model.parameters(), strict=True))
    with pytest.raises(InputError, match="expected weights of the protocol published, found sound"):
        load_heart_network(path, CPU, "published")
    save_model(path, model, info | {"normalisation": {"spacing_mm": 0}, "size": None})
    with pytest.raises(InputError, match=r"no normalisation\.spacing_mm, size in its header"):
        load_heart_network(path, CPU)


def test_a_slice_of_many_metres_is_refused_before_it_takes_memory() -> None:
    with pytest.raises(InputError, match="expected slices of at most 8192 mm, found 8 x 800000 mm"):
        probabilities_of(torch.nn.Identity(), INFO | {"network": "unet"}, np.zeros((1, 8, 8)), (8, 1, 1e5), CPU)


def test_networks_are_built_without_the_network_and_without_pytorchs_compiler() -> None:
    code = """
import socket, sys, torch
def refuse(*_): raise AssertionError("a connection")
socket.socket.connect = socket.getaddrinfo = refuse
from acdc.learning.networks import heart_network
heart_network("fpn", 0.125)
assert "torch._dynamo" not in sys.modules
assert torch.compile(torch.nn.Linear(2, 2), backend="eager")(torch.ones(1, 2)).shape == (1, 2)
"""
    path = {"PYTHONPATH": str(ROOT / "workflow_scripts")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment() | path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
