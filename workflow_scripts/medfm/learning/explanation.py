"""All that is said of a network's heat maps: the maps, and what tests of them find."""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from medfm.analysis.map_scores import overlap, pointing, rank_correlation
from medfm.learning.heat_maps import heat_maps, log_odds, with_random_weights
from medfm.learning.images import MEAN, STD
from medfm.learning.removal import chance_maps, removal_areas


def explained(
    model: nn.Module, images: Tensor, findings: Sequence[int], truth: np.ndarray, steps: int, draws: int
) -> tuple[np.ndarray, pd.DataFrame]:
    """Heat maps (N, H, W) for a finding of each image, and a row of numbers for each.

    Args:
        model: in evaluation mode.
        images: (N, 3, H, W) as the network takes them, on its device.
        findings: for each image the number of the finding.
        truth: where the finding is, (N, H, W) bool; empty where that is not known.
        steps: of deletion and insertion.
        draws: how often the weights are dealt at random.

    Returns, besides the maps, the columns: empty (1 if nothing speaks for the finding, so that the map is 0 everywhere,
        else 0); pointing and overlap (see `map_scores`; NaN without a truth); box, the
        share of the image that the truth takes, which is what both are by chance; deletion, insertion (see `removal`),
        and deletion_chance, insertion_chance of smooth maps by chance; randomised_r, Spearman's correlation with the
        map of random weights, as the mean over draws (NaN if no draw has a map with contrast).
    """
    maps = heat_maps(model, images, findings)
    others = [heat_maps(with_random_weights(model, seed), images, findings) for seed in range(draws)]

    def score(batch: Tensor) -> Tensor:
        return log_odds(model(batch)).sigmoid()

    found, chance = (removal_areas(score, images, each, findings, steps) for each in (maps, chance_maps(maps.shape, 0)))
    known = truth.any(axis=(1, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of no draw is NaN
        correlation = np.nanmean([rank_correlation(maps, other) for other in others], axis=0)
    numbers = {
        "empty": (maps.max(axis=(1, 2)) == 0).astype(int),
        "pointing": pointing(maps, truth),
        "overlap": overlap(maps, truth),
        "box": np.where(known, truth.mean(axis=(1, 2)), np.nan),
        "deletion": found.deletion,
        "deletion_chance": chance.deletion,
        "insertion": found.insertion,
        "insertion_chance": chance.insertion,
        "randomised_r": correlation,
    }
    return maps, pd.DataFrame(numbers)


def seen_by(images: Tensor) -> np.ndarray:
    """Images (N, 3, H, W) as a network takes them, as pictures (N, H, W, 3) uint8."""
    mean, std = (torch.tensor(values, device=images.device)[:, None, None] for values in (MEAN, STD))
    pixels = (255 * (images * std + mean)).round().clamp(0, 255).to(torch.uint8)
    return pixels.movedim(1, -1).cpu().numpy()
