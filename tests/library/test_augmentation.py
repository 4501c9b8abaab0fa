"""Random changes of training images: image and mask move together, and the changes depend on the sample only."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.training import augmentation
from reprise.training.augmentation import CONTRASTS, SHIFT, augment

SAMPLES = np.arange(40)


def discs(height: int, width: int, channels: int = 1) -> torch.Tensor:
    """A disc of 10 px off the centre (40, channels, H, W), 1 inside and 0 outside."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    disc = ((y - height / 2 - 3) ** 2 + (x - width / 2 - 6) ** 2 < 100).float()
    return disc.expand(len(SAMPLES), channels, height, width).clone()


def test_a_sample_changes_alike_in_any_batch_and_otherwise_in_another_epoch() -> None:
    images = discs(48, 64)
    whole = augment(images, images, 1, 2, SAMPLES)
    alone = augment(images[7:8], images[7:8], 1, 2, SAMPLES[7:8])
    assert all(torch.equal(one[0], many[7]) for one, many in zip(alone, whole, strict=True))
    for seed, epoch in ((1, 3), (2, 2)):
        other = augment(images, images, seed, epoch, SAMPLES)[0]
        assert (other != whole[0]).flatten(1).any(1).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(48, 64), (64, 64), (96, 32)]), st.integers(1, 3))
def test_masks_move_with_their_images(seed: int, size: tuple[int, int], channels: int) -> None:
    images = discs(*size, channels)
    changed, masks = augment(images, images.to(torch.uint8), seed, 0, SAMPLES)
    assert masks.dtype == torch.uint8 and set(masks.unique().tolist()) <= {0, 1}
    low, high = (changed.flatten(1).quantile(q, dim=1)[:, None, None, None] for q in (0.0, 1.0))
    assert ((((changed - low) / (high - low)) > 0.5) != masks.bool()).float().mean() < 0.005
    assert torch.equal(masks, masks[:, :1].expand_as(masks)), "all channels change alike"


def test_half_of_the_samples_are_only_flipped_and_the_rest_keep_the_shape_of_things() -> None:
    images = discs(64, 96)
    changed, masks = augment(images, images, 0, 0, SAMPLES)
    flips = [images, images.flip(2), images.flip(3), images.flip(2, 3)]
    same = torch.stack([(masks == flipped).flatten(1).all(1) for flipped in flips])
    assert 10 < same.any(0).sum() < 30 and all(kind.any() for kind in same), "each flip occurs"
    for mask in masks[:, 0]:
        rows, columns = (mask.any(dim).sum().item() for dim in (1, 0))
        assert abs(rows - columns) <= 2, "a disc stays one though pixels' places run from -1 to 1 both ways"
    contrast = (changed.amax((1, 2, 3)) - changed.amin((1, 2, 3))).numpy()
    assert CONTRASTS[0] <= contrast.min() < 0.85 and 1.15 < contrast.max() <= CONTRASTS[1] + 1e-5
    assert changed.amin((1, 2, 3)).abs().max() <= SHIFT + 1e-6


def test_a_turn_is_the_angle_drawn(monkeypatch) -> None:
    monkeypatch.setattr(augmentation, "TURNED", 1.0)
    monkeypatch.setattr(augmentation, "SCALES", (1.0, 1.0))
    monkeypatch.setattr(
        augmentation, "uniform", lambda _seed, _epoch, samples, _stream: np.full(len(samples), 0.999999)
    )
    bar = torch.zeros(1, 1, 101, 201)
    bar[..., 50, 20:181] = 1
    for turned in augment(bar, bar, 0, 0, np.zeros(1)):
        y, x = np.nonzero((turned - turned.min())[0, 0].numpy() > 0.4)
        slope = np.polyfit(x, y, 1)[0]
        assert abs(abs(np.degrees(np.arctan(slope))) - augmentation.TURN) < 0.5
