"""Networks that have learnt to tell by one square of an image, whose place is known."""

import numpy as np
import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

SIDE, SQUARE = 64, 16  # px
# By name: what makes it small, and how many steps it needs. Its only block of attention sees tokens before they mix.
VIT = {"depth": 1, "embed_dim": 32, "num_heads": 2, "patch_size": 8, "img_size": SIDE}
SWIN = {"depths": (1,), "embed_dim": 24, "num_heads": (2,), "window_size": 4, "patch_size": 8, "img_size": SIDE}
NETWORKS = {
    "densenet121": ({"growth_rate": 8, "block_config": (2, 2), "bn_size": 2}, 24),
    "vit_base_patch16_224": (VIT, 100),
    "swin_tiny_patch4_window7_224": (SWIN, 60),
}


def squares(count: int, seed: int, always: bool = False) -> tuple[Tensor, Tensor, np.ndarray]:
    """Grey images (N, 3, H, W) with a red and a green square, each in half of them; which they have; and where.

    Args:
        count: how many images.
        seed: of what is random.
        always: each image has both.

    Returns: images, truth (N, 2) float, masks (N, 2, H, W) bool.
    """
    rng = np.random.default_rng(seed)
    images = rng.normal(0, 0.1, (count, 3, SIDE, SIDE)).astype(np.float32)
    masks = np.zeros((count, 2, SIDE, SIDE), bool)
    truth = (rng.random((count, 2)) < 0.5) | always
    cells = SIDE // SQUARE
    for at in range(count):
        for channel, place in enumerate(rng.choice(cells**2, 2, replace=False)):
            top, left = SQUARE * np.array(divmod(place, cells))
            masks[at, channel, top : top + SQUARE, left : left + SQUARE] = truth[at, channel]
            images[at, channel] += 2 * masks[at, channel]
    return torch.from_numpy(images), torch.from_numpy(truth.astype(np.float32)), masks


def learnt(name: str) -> nn.Module:
    """A small network of timm, in evaluation mode, that finds the red square by output 0, the green one by output 1."""
    torch.manual_seed(0)
    arguments, steps = NETWORKS[name]
    model = timm.create_model(name, num_classes=3, **arguments)  # the third output learns nothing
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(steps):
        images, truth, _ = squares(32, step)
        loss = binary_cross_entropy_with_logits(model(images)[:, :2], truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()
