"""The slices of brain scans in a store as networks take them, all at once on the device."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mslesion.learning.published_slices import resized, resized_masks
from reprise.data.slices import cut_or_pad, normalise, standardise, whole_size
from reprise.data.store import slices_of

MULTIPLE = 32
OF_VOLUME = "volume"  # the normalisation that gives a volume's values mean 0 and standard deviation 1


class BrainSlices(NamedTuple):
    """Prepared slices of some scans, one scan after the other."""

    images: Tensor  # (N, H, W) float32
    masks: Tensor  # (N, H, W) uint8, 0 or 1, by the first rater
    scans: np.ndarray  # (N,) position of each slice's scan in the table of cases


def brain_slices(
    cases: pd.DataFrame,
    arrays: dict[str, np.ndarray],
    size: int | None,
    normalisation: Mapping[str, float] | str,
    device: torch.device,
) -> BrainSlices:
    """All slices of the cases, resized as published to `size`, or padded to a common size that cuts nothing off.

    Args:
        cases: the store's.
        arrays: the store's.
        size: height and width, see `resized`; or None for whole slices.
        normalisation: `mean` and `std` of slices that were scaled to 0..1 each, or "volume", see `standardise`.
        device: where the slices go.
    """
    whole = _whole(list(zip(cases["height"], cases["width"], strict=True)))
    images, masks = [], []
    for case in cases.to_dict("records"):
        image, mask = (slices_of(arrays[name], case) for name in ("flair", "mask1"))
        images.append(prepared(image, size, normalisation, device, whole))
        fitted = torch.from_numpy(np.array(mask) if size is None else resized_masks(mask, size)).to(device)
        masks.append(cut_or_pad(fitted, whole) if size is None else fitted)
    return BrainSlices(torch.cat(images), torch.cat(masks), np.repeat(np.arange(len(cases)), cases["slices"]))


def prepared(
    scan: np.ndarray,
    size: int | None,
    normalisation: Mapping[str, float] | str,
    device: torch.device,
    whole: tuple[int, int] | None = None,
) -> Tensor:
    """The slices (N, H, W) of one scan, of any numeric type, as `brain_slices` prepares them.

    Without a `size` they are padded to `whole`, or to the smallest size that a network takes.
    """
    if size is not None:
        fitted = torch.from_numpy(resized(scan, size)).to(device)
        return normalise(fitted, **cast(Mapping[str, float], normalisation))
    images = torch.from_numpy(np.array(scan)).to(device).to(torch.float32)
    of_volume = normalisation == OF_VOLUME
    # Padding is 0, so the background is made 0, too. This changes no normalised value.
    background = images.amin() if of_volume else images.amin((-2, -1), keepdim=True)
    fitted = cut_or_pad(images - background, whole or _whole([scan.shape[1:]]))
    if of_volume:
        return standardise(fitted)
    return normalise(fitted, **cast(Mapping[str, float], normalisation))


def _whole(shapes: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    """The smallest size that a network takes and that cuts nothing off any shape."""
    height, width = whole_size(shapes, MULTIPLE)
    # A network that halves a slice five times needs more than one pixel at the end.
    return height, width if height * width > MULTIPLE**2 else 2 * MULTIPLE
