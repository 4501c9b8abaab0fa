"""The slices of the published protocol: resized volumes of which every second slice is kept, and augmented copies.

What the published code does, quirks included: distances between voxels are dropped; labels are resized, turned and
smoothed as images are, and then rounded, so that 1 beside 3 becomes 2; what is called noise is smoothing; the test set
is augmented, too; and training slices are split by slice, after the augmentation, so that copies of a validation slice
are trained on.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import ndimage

from acdc.data.conversion import slices_of
from reprise.step.command import progress

GREYS = 255  # the volumes are stored with 8 bits
LARGEST_LABEL = 3
ROWS, COLUMNS = 1, 2
FWHM_MM = 2.0
SIGMA = FWHM_MM / math.sqrt(8 * math.log(2))  # in voxels, as the published code gives each voxel a size of 1 mm


class Volume(NamedTuple):
    """A resized volume of a patient and phase, float64."""

    image: np.ndarray  # (slices, size, size)
    labels: np.ndarray  # the same shape, not rounded


# In the published order. Turns are by cubic splines.
AUGMENTATIONS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda volume: ndimage.rotate(volume, 90, axes=(COLUMNS, ROWS), reshape=False, order=3),
    lambda volume: ndimage.rotate(volume, 270, axes=(COLUMNS, ROWS), reshape=False, order=3),
    lambda volume: np.flip(volume, ROWS),
    lambda volume: np.flip(volume, COLUMNS),
    lambda volume: ndimage.gaussian_filter(volume, SIGMA),
)


def published_slices(
    cases: pd.DataFrame, arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any]
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The slices of training and test patients, first as they are, then the augmented ones.

    Args:
        cases: the store's.
        arrays: the store's.
        settings: `slices` of the study's hyper-parameters.

    Returns:
        A row per slice (case, patient, phase, slice, augmented: 0 or the number of the augmentation from 1 on, draw: 0
        or the number of the draw from 1 on, split), the slices (S, size, size) float32 from 0 to 1, and their labels
        (S, size, size) uint8.
    """
    random = np.random.RandomState(settings["seed"])
    rows, images, labels = [], [], []
    for part, draws in (("training", settings["draws"]), ("testing", settings["test_draws"])):
        chosen = cases[cases["official"] == part].to_dict("records")
        volumes = [resized(arrays, case, settings) for case in progress(chosen, f"{part} volumes", len(chosen))]
        for case, of_draw, volume in _with_augmented(volumes, random.choice(len(volumes), draws)):
            kept = range(1, settings["slices"], 2)
            images.append(stretched(volume.image)[kept].astype(np.float32))
            labels.append(np.clip(np.rint(volume.labels[kept]), 0, LARGEST_LABEL).astype(np.uint8))
            rows += [_row(chosen[case], number, *of_draw) for number in kept]
    return split_by_slice(pd.DataFrame(rows), settings), np.concatenate(images), np.concatenate(labels)


def resized(arrays: Mapping[str, np.ndarray], case: Mapping[Any, Any], settings: Mapping[str, Any]) -> Volume:
    """A case's volume in 8 bits, resized in all three directions; its labels in the same way."""
    from skimage.transform import resize

    shape = (settings["slices"], settings["size"], settings["size"])
    image = np.floor(GREYS * stretched(slices_of(arrays["image"], case).astype(np.float64)))
    labels = slices_of(arrays["labels"], case).astype(np.float64)
    return Volume(*(resize(volume, shape, order=1, anti_aliasing=True) for volume in (image, labels)))


def stretched(volume: np.ndarray) -> np.ndarray:
    """A volume's values from 0 to 1; without contrast all become 0."""
    low, high = volume.min(), volume.max()
    return (volume - low) / (high - low if high > low else 1.0)


def split_by_slice(slices: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """The rows with a column `split`: of the training slices, a share that is drawn by slice validates."""
    from sklearn.model_selection import train_test_split

    training = slices.index[slices["official"] == "training"]
    _, val = train_test_split(training, test_size=settings["validation"], random_state=settings["seed"])
    split = slices["official"].map({"training": "train", "testing": "test"})
    split[val] = "val"
    return slices.drop(columns="official").assign(split=split)


def _with_augmented(volumes: list[Volume], drawn: np.ndarray) -> Iterator[tuple[int, tuple[int, int], Volume]]:
    """The number of each volume's case, those of augmentation and draw (0, 0: as it is), and the volume."""
    for case, volume in enumerate(volumes):
        yield case, (0, 0), volume
    for draw, case in enumerate(drawn, 1):
        # Labels are rounded before and after.
        plain = Volume(volumes[case].image, np.rint(volumes[case].labels))
        for number, change in enumerate(AUGMENTATIONS, 1):
            yield case, (number, draw), Volume(*map(change, plain))


def _row(case: Mapping[Any, Any], number: int, augmented: int, draw: int) -> dict[str, Any]:
    copy = f"-draw{draw}-aug{augmented}" if draw else ""
    named = {name: case[name] for name in ("patient", "phase", "official")}
    return {"case": f"{case['case']}-{number}{copy}", **named, "slice": number, "augmented": augmented, "draw": draw}
