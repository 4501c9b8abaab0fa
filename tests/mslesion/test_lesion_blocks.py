"""Training on blocks of volumes: where they are cut, what a network sees of them, and how whole scans are validated."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mslesion.learning.block_task import block_task
from mslesion.learning.slice_tasks import SliceSource
from reprise.training import volume_blocks as training_blocks
from reprise.training.volume_blocks import ON_LABELS, Volume, block_corners, load_blocks, volumes_of

DEPTHS = (6, 3)
SETTINGS = {"batch_size": 2, "precision": "fp32", "seed": 3, "block": [4, 16, 32], "blocks_a_scan": 5}


def source() -> SliceSource:
    """Two scans, of 6 and of 3 slices of 20 x 24; only the first has a lesion, of one voxel."""
    images = torch.arange(9 * 20 * 24, dtype=torch.float32).reshape(9, 20, 24)
    masks = torch.zeros(9, 20, 24, dtype=torch.uint8)
    masks[4, 17, 2] = 1
    return SliceSource(images, masks, np.repeat([0, 1], DEPTHS), SETTINGS)


def scans(*chosen: int) -> list[Volume]:
    """The volumes of some scans."""
    slices = source()
    return volumes_of(slices.images, slices.masks, slices.scans, np.array(chosen))


def test_volumes_are_the_slices_of_their_scan() -> None:
    first, second = scans(0, 1)
    assert first.image.shape == (1, 6, 20, 24) and torch.equal(second.image[0], source().images[6:])
    assert first.labelled.tolist() == [[4, 17, 2]] and len(second.labelled) == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 500))
def test_blocks_lie_inside_their_volume_or_hold_all_of_it(seed: int, epoch: int) -> None:
    samples = np.arange(24)
    volumes = scans(0, 1) * 12
    block = np.array(SETTINGS["block"])
    corners = block_corners(volumes, block, seed, epoch, samples)
    shapes = np.array([volume.labels.shape for volume in volumes])
    assert (corners >= 0).all() and (corners + block <= np.maximum(shapes, block)).all()
    again = block_corners(volumes[5:6], block, seed, epoch, samples[5:6])
    assert again.tolist() == [corners[5].tolist()], "whatever batch it falls into"


def test_a_third_of_the_blocks_is_drawn_around_lesions_and_the_rest_anywhere() -> None:
    volumes = scans(0) * 3000
    corners = block_corners(volumes, np.array([1, 1, 1]), 0, 0, np.arange(3000))
    assert abs((corners == [4, 17, 2]).all(axis=1).mean() - ON_LABELS) < 0.03
    assert set(corners[:, 0]) == set(range(6)) and set(corners[:, 2]) == set(range(24))


def test_all_channels_of_a_block_change_alike() -> None:
    (one,) = scans(0)
    two = Volume(torch.cat([one.image, one.image]), one.labels, one.labelled)
    blocks = [load_blocks([volume], (4, 16, 32), 3, np.arange(6), 1) for volume in (one, two)]
    assert blocks[1][0].shape == (6, 2, 4, 16, 32) and torch.equal(blocks[0][1], blocks[1][1])
    assert torch.equal(blocks[1][0], blocks[0][0].expand(-1, 2, -1, -1, -1))


class Recorder(nn.Module):
    """Finds lesion where the image says 1, and keeps what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[torch.Tensor] = []

    def forward(self, blocks: torch.Tensor) -> torch.Tensor:
        self.seen.append(blocks)
        return torch.cat([1 - 2 * blocks, 2 * blocks - 1], dim=1) * 50


def test_a_step_sees_blocks_of_its_samples_with_zeros_where_a_scan_ends(monkeypatch) -> None:
    monkeypatch.setattr(training_blocks, "augment", lambda images, masks, *_: (images, masks))
    task, network = block_task(source(), np.array([0, 1]), np.array([1]), "val_error"), Recorder()
    assert task.samples == 10 and task.cases == 1
    logits, truth = task.predict(network, task.load(np.array([0, 3]), 0))
    (blocks,) = network.seen
    assert blocks.shape == (2, 1, 4, 16, 32)
    assert logits.shape == (2, 2, 4, 16, 32) and truth.shape == (2, 4, 16, 32)
    assert not blocks[..., :4].any() and not blocks[..., 28:].any(), "24 columns in the middle of 32"
    inside = blocks[:, 0, :, :, 4:28]
    assert (inside[0].diff(dim=-1) == 1).all() and (inside[0, :, :, 0].diff(dim=0) == 20 * 24).all()
    assert (inside[1, :3] >= 6 * 20 * 24).all() and not inside[1, 3].any(), "sample 3 is of the second scan"


@pytest.mark.parametrize("wrong", [0, 7])
def test_whole_scans_are_validated_and_weigh_alike(wrong: int) -> None:
    data = source()
    images = data.masks.float()
    images[7, 5, 5 : 5 + wrong] = 1
    task = block_task(data._replace(images=images), np.array([0]), np.array([0, 1]), "val_error")
    with torch.inference_mode():
        parts = [task.validate(Recorder(), np.array([case]), 0) for case in range(task.cases)]
    found = {name: torch.cat([part[name] for part in parts]) for name in ("counts", "soft")}
    assert task.at_a_time == 1 and found["counts"].tolist() == [[1, 0, 0, 6 * 480 - 1], [0, wrong, 0, 3 * 480 - wrong]]
    row = task.summary({name: value.double().numpy() for name, value in found.items()})
    assert row["val_dice"] == pytest.approx(2 / (2 + wrong)) and row["val_sensitivity"] == 1
    assert row["val_volume_dice"] == (0.5 if wrong else 1)
