"""The slices of brain scans in a store as networks take them, all at once on the device."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mslesion.data.conversion import scan_of
from reprise.data.slices import cut_or_pad, normalise, standardise, whole_size

MULTIPLE = 32
OF_VOLUME = "volume"  # the normalisation by which a volume's values have mean 0 and standard deviation 1


class BrainSlices(NamedTuple):
    """Prepared slices of some scans, one scan after the other."""

    images: Tensor  # (N, H, W) float32
    masks: Tensor  # (N, H, W) uint8, 0 or 1, by the first rater
    scans: np.ndarray  # (N,) position of each slice's scan in the table of cases


def brain_slices(
    cases: pd.DataFrame,
    arrays: dict[str, np.ndarray],
    size: Sequence[int] | None,
    normalisation: Mapping[str, float] | str,
    device: torch.device,
) -> BrainSlices:
    """All slices of the cases, each cut or padded to `size` (H, W), or to one that cuts nothing off any of them.

    Args:
        cases: the store's.
        arrays: the store's.
        size: or None for whole slices.
        normalisation: `mean` and `std` of slices that were scaled to 0..1 each, or "volume", see `standardise`.
        device: where the slices go.
    """
    size = size or _whole(list(zip(cases["height"], cases["width"], strict=True)))
    images, masks = [], []
    for case in cases.to_dict("records"):
        images.append(prepared(scan_of(arrays["flair"], case), size, normalisation, device))
        masks.append(cut_or_pad(torch.from_numpy(np.array(scan_of(arrays["mask1"], case))).to(device), tuple(size)))
    return BrainSlices(torch.cat(images), torch.cat(masks), np.repeat(np.arange(len(cases)), cases["slices"]))


def prepared(
    scan: np.ndarray, size: Sequence[int] | None, normalisation: Mapping[str, float] | str, device: torch.device
) -> Tensor:
    """The slices (N, H, W) of one scan, of any numeric type, as `brain_slices` prepares them."""
    images = torch.from_numpy(np.array(scan)).to(device).to(torch.float32)
    of_volume = normalisation == OF_VOLUME
    # Padding is 0: where a background is anything else, it is made 0 too, which changes no normalised value.
    background = images.amin() if of_volume else images.amin((-2, -1), keepdim=True)
    fitted = cut_or_pad(images - background, tuple(size or _whole([scan.shape[1:]])))
    if of_volume:
        return standardise(fitted)
    return normalise(fitted, **cast(Mapping[str, float], normalisation))


def _whole(shapes: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    """The smallest size that a network takes and that cuts nothing off any shape."""
    height, width = whole_size(shapes, MULTIPLE)
    # A network that halves a slice five times needs more than one pixel at the end.
    return height, width if height * width > MULTIPLE**2 else 2 * MULTIPLE
