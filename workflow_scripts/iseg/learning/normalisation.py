"""The values that networks see: the published normalisations, and that of the sound protocol."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from reprise.data.slices import standardise
from reprise.step.errors import InputError

CLIPPED = (0.1, 99.8)  # percentiles of the whole volume, air included
OF_CROP = "crop"  # each crop by the voxels in it that are not 0, see `of_crops`
BRAIN = "brain"  # the whole volume by its voxels that are not 0


def _full_volume_mean(values: Tensor) -> Tensor:
    mean, std = _moments(values)
    return (values - mean) / std


def _max_min(values: Tensor) -> Tensor:
    return (values - values.min()) / (values.max() - values.min())


def _mean(values: Tensor) -> Tensor:
    brain = values[values != 0]
    return (values - brain.mean()) / brain.std()


def _max(values: Tensor) -> Tensor:
    """What the published code means: there, this one ends with an error."""
    return values / values.max()


def _brats(values: Tensor) -> Tensor:
    low, high = values.aminmax()
    scored = torch.where(values == 0, values, _full_volume_mean(values))
    return torch.where(values == 0, values, 100.0 * ((scored - low) / (high - low)) + 10.0)


def _moments(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of all voxels in the order of an Analyze file: the order changes the last bits."""
    x, y, z = values.shape
    planes = values.transpose(0, 1).reshape(y * x, z)  # in two steps, each of which moves rows as a whole
    stored = planes.t().contiguous().view(z, y, x)
    return stored.mean(), stored.std()


# By the names of the published command line. Each gets a whole volume whose outliers are clipped.
PUBLISHED: dict[str, Callable[[Tensor], Tensor]] = {
    "full_volume_mean": _full_volume_mean,
    "max_min": _max_min,
    "mean": _mean,
    "max": _max,
    "brats": _brats,
}
NORMALISATIONS = (*PUBLISHED, OF_CROP, BRAIN)


def normalised(volume: np.ndarray, normalisation: str) -> Tensor:
    """A volume (X, Y, Z) as float32. With "crop" it stays as it is, because `of_crops` normalises each crop.

    A published normalisation gives the bits of the published code: the same operations in 32 bits on the CPU.

    Raises:
        InputError: the volume has no contrast, the normalisation divides by 0 on it, or has another name.
    """
    if normalisation not in NORMALISATIONS:
        raise InputError(f"expected a normalisation of {', '.join(NORMALISATIONS)}, found {normalisation}")
    values = np.array(volume, dtype=np.float32, order="C")
    if normalisation not in PUBLISHED:
        return standardise(torch.from_numpy(values)) if normalisation == BRAIN else torch.from_numpy(values)
    low, high = np.percentile(values, CLIPPED).astype(np.float32)
    if low == high:
        raise InputError(f"expected a volume with contrast, found {low:g} almost everywhere")
    found = PUBLISHED[normalisation](torch.from_numpy(np.clip(values, low, high, out=values)))
    if not found.sum().isfinite():  # a sum is finite only if all its terms are
        raise InputError(f"the normalisation {normalisation} divides by 0 on this volume; another one may fit")
    return found


def image_of(volumes: Sequence[np.ndarray], name: str, normalisation: str) -> Tensor:
    """T1 and T2 (X, Y, Z) of a subject, normalised one by one: (2, X, Y, Z) float32 on the CPU.

    Raises:
        InputError: see `normalised`; the message begins with the subject's name.
    """
    try:
        return torch.stack([normalised(volume, normalisation) for volume in volumes])
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def of_crops(crops: Tensor) -> Tensor:
    """Crops (B, 2, X, Y, Z), each modality less its mean over its standard deviation of the voxels that are not 0.

    Voxels of 0 do not count, but they are moved like all others, as published. A crop without contrast becomes 0, where
    the published code divides by 0.
    """
    inside, axes = crops != 0, (-3, -2, -1)
    count = inside.sum(axes, keepdim=True).double()
    apart = crops - crops.sum(axes, keepdim=True, dtype=torch.float64) / count.clamp(min=1)
    squares = torch.where(inside, apart.square(), 0.0).sum(axes, keepdim=True)
    std = (squares / (count - 1).clamp(min=1)).sqrt()
    return torch.where(std > 0, apart / std.where(std > 0, 1.0), 0.0).float()
