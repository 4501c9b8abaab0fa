"""Heat maps on real endoscopy: a network that was only told which pieces of frames show a polyp says where it is."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from medfm.learning.explanation import explained
from polyp_frames import polyp_frames

SIDE, PIECE, STEPS, BATCH = 192, 64, 60, 24
LEARNT_FROM = 44  # of 60 frames; the maps are those of the others
SMALL = {"growth_rate": 8, "block_config": (2, 4, 4), "bn_size": 2, "num_classes": 1}


def pieces(frames: Tensor, masks: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Pieces of frames, half of them with much of a polyp, the others without any; and which they are."""
    chosen: list[Tensor] = []
    while len(chosen) < BATCH:
        at, top, left = rng.integers(0, (len(frames), *[SIDE - PIECE + 1] * 2))
        share = masks[at, top : top + PIECE, left : left + PIECE].mean()
        if share > 0.4 if len(chosen) % 2 else share == 0:
            chosen.append(frames[at, :, top : top + PIECE, left : left + PIECE])
    return torch.stack(chosen), (torch.arange(BATCH) % 2)[:, None].float()


def learnt(frames: Tensor, masks: np.ndarray) -> nn.Module:
    """A small network that tells pieces with a polyp from others."""
    torch.manual_seed(0)
    model, rng = timm.create_model("densenet121", **SMALL), np.random.default_rng(0)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(STEPS):
        images, truth = pieces(frames, masks, rng)
        loss = binary_cross_entropy_with_logits(model(images), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def test_maps_of_frames_that_were_not_learnt_from_lie_on_their_polyps(real_data: Path) -> None:
    folder = real_data / "medfm_like" / "endo_hyperkvasir"
    if not folder.is_dir():
        pytest.skip("no frames of endoscopy among the real images")
    frames, masks = polyp_frames(folder, SIDE)
    assert masks.any(axis=(1, 2)).all() and masks.mean() < 0.25
    images = torch.from_numpy(frames).movedim(-1, 1).float()
    images = (images - images.mean((0, 2, 3), keepdim=True)) / images.std((0, 2, 3), keepdim=True)
    model = learnt(images[:LEARNT_FROM], masks[:LEARNT_FROM])
    unseen = images[LEARNT_FROM:]
    _, found = explained(model, unseen, [0] * len(unseen), masks[LEARNT_FROM:], steps=4, draws=2)
    mean = found.mean()
    print(f"{len(unseen)} frames: {mean.round(2).to_dict()}")
    assert mean["pointing"] > mean["box"] + 0.1 and mean["overlap"] > mean["box"] + 0.1
    assert mean["deletion"] < mean["deletion_chance"] and mean["randomised_r"] < 0.5
