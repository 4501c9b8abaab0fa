"""The average brain of ICBM152 (T1, T2, maps of tissues) as pairs of Analyze files in the layout of iSeg-2017.

There is only one such brain. Leaving one out needs three, so the others are made from it: one mirrored, two turned by a
few degrees. They show the way of real images through the study, and say nothing about accuracy.
"""

from pathlib import Path

import nibabel
import numpy as np
from nibabel.analyze import AnalyzeHeader
from scipy.ndimage import rotate

LEAST = 0.25  # a voxel in which no tissue is as likely as this is background
MAPS = ("csf", "grey", "white")
FILE_LABELS = np.array([0, 10, 150, 250], np.uint8)
TURNED = {3: 6.0, 11: -4.0}  # degrees about the axis from foot to head, by subject


def write_icbm(real_data: Path, root: Path) -> None:
    """Write subjects 1 to 3 with labels, and 11 without."""
    average = _average(real_data / "brain/icbm152_2mm")
    for number in (1, 2, 3, 11):
        folder = root / ("iSeg-2017-Training" if number < 4 else "iSeg-2017-Testing")
        folder.mkdir(parents=True, exist_ok=True)
        labels = _moved(average["label"], number, order=0)
        for content in ("T1", "T2"):  # without skull: 0 where there is no tissue, and only there
            voxels = np.maximum(_moved(average[content], number, order=1), 1)
            _save(folder / f"subject-{number}-{content}.img", np.where(labels > 0, voxels, 0).astype(np.int16))
        if number < 4:
            _save(folder / f"subject-{number}-label.img", FILE_LABELS[labels])


def _average(folder: Path) -> dict[str, np.ndarray]:
    """T1, T2 and labels 0 to 3 (X, Y, Z), as stored."""
    maps = np.stack([_voxels(folder / f"spm_oldseg_{name}.nii") for name in MAPS])
    labels = np.where((maps < LEAST).all(axis=0), 0, maps.argmax(axis=0) + 1)
    images = {name: np.rint(_voxels(folder / f"avg152{name}.nii") * 1000) for name in ("T1", "T2")}
    return images | {"label": labels.astype(np.uint8)}


def _voxels(path: Path) -> np.ndarray:
    image = nibabel.load(path)
    return np.asarray(image.dataobj, np.float32)


def _moved(voxels: np.ndarray, number: int, order: int) -> np.ndarray:
    if number == 2:
        return voxels[::-1]
    return rotate(voxels, TURNED[number], axes=(0, 1), reshape=False, order=order) if number in TURNED else voxels


def _save(path: Path, voxels: np.ndarray) -> None:
    header = AnalyzeHeader(endianness=">")
    header.set_data_dtype(voxels.dtype)
    header.set_data_shape((*voxels.shape, 1))
    header.set_zooms((2, 2, 2, 1))
    nibabel.save(nibabel.AnalyzeImage(voxels[..., None], None, header), path)
