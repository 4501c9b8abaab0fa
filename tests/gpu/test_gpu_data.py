"""Batches and predictions on a GPU: wherever the store lies, and as on the CPU."""

from typing import Any

import numpy as np
import pytest
import torch

from echonet.learning.ef_prediction import predict_videos
from iseg.learning.prediction import tissue_slabs
from mslesion.learning.window_logits import centre_logits
from mslesion.learning.windows import scan_windows
from phantom_tasks import CROP, FILMS, FRAMES, NORMALISATION, example, stored_films, stored_infants, stored_scans
from reprise.inference.volumes import volume_logits
from reprise.training.learner import loaded

CPU = torch.device("cpu")
CLOSE = 1e-3


def all_batches(network: str, device: torch.device) -> list[torch.Tensor]:
    """The tensors of all batches of two epochs, in main memory."""
    learner = example(network, device).learner()
    order = np.arange(learner.task.samples).reshape(-1, 2)
    found = []
    for epoch in range(2):
        for batch in loaded(learner, order, epoch):
            parts = batch.loaded if isinstance(batch.loaded[0], torch.Tensor) else sum(batch.loaded, ())
            found += [part.to("cpu", copy=True) for part in parts]
    return found


@pytest.mark.parametrize("network", ["r2plus1d_18", "deeplabv3_resnet50", "fc_densenet67", "unet_2d", "unet", "unet3d"])
def test_batches_are_those_of_the_cpu_wherever_the_store_lies(
    device: torch.device, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, on_device = all_batches(network, CPU), all_batches(network, device)
    assert len(expected) > 8 and not torch.equal(expected[0], expected[2])
    for one, other in zip(expected, on_device, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    monkeypatch.setattr("reprise.data.placed.DEVICE_MEMORY_SHARE", 0.0)
    assert all(map(torch.equal, all_batches(network, device), on_device))


@pytest.mark.usefixtures("without_tf32")
def test_ef_of_all_clips_is_that_of_the_cpu(device: torch.device) -> None:
    frames, cases = stored_films()
    starts = [np.arange(20)] * FILMS
    found = []
    for place in (CPU, device):
        trained = example("r2plus1d_18", place)
        torch.manual_seed(0)
        trained.model.get_submodule("fc").weight.data.copy_(torch.randn(1, trained.model.fc.in_features))
        info: dict[str, Any] = {"normalisation": NORMALISATION, "settings": trained.settings}
        info |= {key: trained.settings[key] for key in ("frames", "period")}
        where = (cases["offset"], np.full(FILMS, FRAMES), starts, place)
        found.append(np.concatenate([*predict_videos(trained.model.eval(), info, frames, *where)]))
    assert found[0].std() > 10 * CLOSE
    np.testing.assert_allclose(found[1], found[0], rtol=CLOSE)


@pytest.mark.usefixtures("without_tf32")
@pytest.mark.parametrize("network", ["fc_densenet67", "fc_densenet67_bidirectional", "unet_2d"])
def test_logits_of_slices_are_those_of_the_cpu(device: torch.device, network: str) -> None:
    images, _, scans = stored_scans()
    windows = scan_windows(np.bincount(scans))[:20]
    found = []
    for model, place in ((settled(network, images), CPU), (settled(network, images).to(device), device)):
        with torch.inference_mode():
            found.append(centre_logits(model, images.to(place), windows).cpu())
    assert_close(*found)


def settled(network: str, images: torch.Tensor) -> torch.nn.Module:
    """An untrained network whose normalisations have the statistics of its own activations, for evaluation."""
    model = example(network, CPU).model.train()
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    slices = images[5:13, None]
    with torch.no_grad():
        model(slices[None] if network.startswith("fc") else slices)
    return model.eval()


@pytest.mark.usefixtures("without_tf32")
def test_logits_of_whole_volumes_are_those_of_the_cpu(device: torch.device) -> None:
    images, _, scans = stored_scans()
    volume = images[torch.from_numpy(scans == 0)][None, None]
    found = []
    for place in (CPU, device):
        trained = example("unet_3d", place)
        with torch.inference_mode():
            found.append(volume_logits(trained.model.eval(), volume.to(place), trained.settings["block"]).cpu())
    assert_close(*found)


def assert_close(expected: torch.Tensor, found: torch.Tensor) -> None:
    """The logits agree, measured by the largest."""
    assert expected.shape == found.shape and expected.std() > 0
    assert (expected - found).abs().max() < CLOSE * expected.abs().max()


@pytest.mark.usefixtures("without_tf32")
def test_whole_brains_are_stitched_as_on_the_cpu(device: torch.device) -> None:
    found = []
    for place in (CPU, device):
        trained, (_, image, _) = example("unet3d", place), stored_infants()[0]
        recipe = trained.settings | {"crop": CROP, "normalisation": "crop", "overlap": 0.5}
        slabs = tissue_slabs(trained.model.eval(), image.to(place), recipe)
        found.append(torch.cat([slab.cpu() for slab in slabs], dim=1))
    assert found[0].shape == (4, *image.shape[1:]) and found[0].std() > 10 * CLOSE
    torch.testing.assert_close(found[1], found[0], rtol=CLOSE, atol=CLOSE)
