"""A small folder of iSeg-2017, made up, in the folders, names and files of the release."""

from pathlib import Path

import nibabel
import numpy as np
from nibabel.analyze import AnalyzeHeader

SHAPE = (8, 9, 10)
SPACING_MM = (1.0, 1.5, 2.0)
TRAINING, TESTING = "iSeg-2017-Training", "iSeg-2017-Testing"
LABELS = np.array([0, 10, 150, 250], np.uint8)


def drawn(number: int) -> np.ndarray:
    """Labels (X, Y, Z) uint8, 0 to 3, of a subject: no axis and no direction is like another."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:7, 1:8, 1:8] = 1
    labels[2:6, 2:8, 2:7], labels[2:5, 3:7, 3 : 5 + number % 3], labels[6, 2, 7] = 2, 3, 3
    labels[1, 1, 1 + number % 6] = 2  # no two of the subjects have the same labels
    return labels


def images(number: int) -> dict[str, np.ndarray]:
    """T1 and T2 (X, Y, Z) int16 of a subject, 0 where it has no label."""
    rng = np.random.default_rng(number)
    return {name: np.where(drawn(number) > 0, rng.integers(1, 900, SHAPE), 0).astype(np.int16) for name in ("T1", "T2")}


def write_iseg(root: Path, labelled: tuple[int, ...] = (1, 2, 10), others: tuple[int, ...] = (11, 12)) -> Path:
    """Write subjects as released, those without labels for testing; each second one has the other byte order."""
    for place, number in enumerate((*labelled, *others)):
        folder = root / (TRAINING if number in labelled else TESTING)
        for name, voxels in images(number).items():
            save_analyze(folder / f"subject-{number}-{name}.img", voxels[..., None], "<>"[place % 2])
        if number in labelled:
            save_analyze(folder / f"subject-{number}-label.img", LABELS[drawn(number)][..., None], "<>"[place % 2])
    return root


def save_analyze(path: Path, voxels: np.ndarray, order: str = "<") -> None:
    """Write a pair of Analyze files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = AnalyzeHeader(endianness=order)
    header.set_data_dtype(voxels.dtype)
    header.set_data_shape(voxels.shape)
    header.set_zooms((*SPACING_MM, *[1] * (voxels.ndim - 3)))
    nibabel.save(nibabel.AnalyzeImage(voxels, None, header), path)
