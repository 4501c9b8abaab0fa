"""Measures of a volume's predicted lesions against the reference, by voxels and by lesions.

A lesion is a set of voxels that touch by faces, edges or corners (26-connected). A rate without a denominator has its
best value if both masks are empty, and its worst value if only one mask is.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from reprise.evaluation.confusion import confusion, rates

Mask = NDArray[np.bool_]
TOUCHING = np.ones((3, 3, 3), dtype=bool)
MM3_PER_ML = 1000


def label_lesions(mask: ArrayLike) -> tuple[NDArray[np.int32], int]:
    """Number of each voxel's lesion (D, H, W), 0 outside, and the number of lesions; in a mask, not 0 is lesion."""
    labels, count = ndimage.label(np.asarray(mask) != 0, structure=TOUCHING)
    return labels, int(count)


def lesion_load_ml(mask: ArrayLike, voxel_mm3: float) -> float:
    """Volume of all lesions of a mask in ml."""
    return float(np.count_nonzero(mask)) * voxel_mm3 / MM3_PER_ML


def lesion_measures(found: ArrayLike, true: ArrayLike, voxel_mm3: float) -> dict[str, float]:
    """All measures of a volume, by name.

    Voxels: `accuracy`, `dice`, `ppv`, `sensitivity`, `specificity`, and `volume_difference`, |V - V_true| / V_true (NaN
    if only the reference is empty). Lesions: `ltpr`, the fraction of reference lesions with a predicted voxel, and
    `lfpr`, the fraction of predicted lesions without a reference voxel. `load_ml`, `true_load_ml`, `lesions` and
    `true_lesions` are sizes.

    Args:
        found: predicted mask (D, H, W), not 0 is lesion.
        true: reference mask of the same shape.
        voxel_mm3: volume of a voxel.
    """
    lesion, reference = np.asarray(found) != 0, np.asarray(true) != 0
    counts = confusion(lesion, reference, axis=0)
    volume, true_volume = int(counts[:2].sum()), int(counts[0] + counts[2])
    voxels = {name: float(value) for name, value in rates(counts).items()}
    (labels, lesions), (true_labels, true_lesions) = label_lesions(lesion), label_lesions(reference)
    nothing = lesions + true_lesions == 0
    hit, right = (_touched(*pair) for pair in ((true_labels, lesion), (labels, reference)))
    return {
        "accuracy": voxels["accuracy"],
        "dice": voxels["dice"],
        "ppv": voxels["ppv"],
        "sensitivity": voxels["sensitivity"],
        "specificity": voxels["specificity"],
        "volume_difference": _volume_difference(volume, true_volume),
        "ltpr": hit / true_lesions if true_lesions else float(nothing),
        "lfpr": 1 - right / lesions if lesions else 1 - float(nothing),
        "load_ml": lesion_load_ml(lesion, voxel_mm3),
        "true_load_ml": lesion_load_ml(reference, voxel_mm3),
        "lesions": float(lesions),
        "true_lesions": float(true_lesions),
    }


def overall_score(
    dice: ArrayLike, ppv: ArrayLike, lfpr: ArrayLike, ltpr: ArrayLike, correlation: ArrayLike
) -> NDArray[np.float64]:
    """The ISBI 2015 challenge's score against one rater: Dice/8 + PPV/8 + (1 - LFPR)/4 + LTPR/4 + Cor/4, 0 to 1.

    With several raters, average their scores. The challenge then scales so that one rater against the other scores
    90; its exact scale is not published, so none is applied here.

    Args:
        dice: mean over scans (...), as are ppv, lfpr and ltpr.
        ppv: mean.
        lfpr: mean.
        ltpr: mean.
        correlation: Pearson correlation over scans of predicted and the rater's lesion volumes (Cor); NaN, where it
            is undefined, counts as 0.
    """
    voxels, precision, false, hit, volumes = (
        np.asarray(each, dtype=float) for each in (dice, ppv, lfpr, ltpr, correlation)
    )
    return voxels / 8 + precision / 8 + (1 - false) / 4 + hit / 4 + np.nan_to_num(volumes) / 4


def _touched(labels: NDArray[np.int32], mask: Mask) -> int:
    """The number of lesions that have a voxel in the mask."""
    return int(np.count_nonzero(np.unique(labels[mask])))


def _volume_difference(volume: int, true_volume: int) -> float:
    if true_volume:
        return abs(volume - true_volume) / true_volume
    return float("nan") if volume else 0.0
