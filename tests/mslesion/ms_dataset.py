"""Small multiple-sclerosis data sets in each of the layouts in which they come."""

from pathlib import Path

import cv2
import nibabel
import numpy as np

SHAPE = (6, 7, 5)
AFFINE = np.array([[-1.0, 0, 0, 3], [0, 1.0, 0, -4], [0, 0, 3.0, -6], [0, 0, 0, 1]])  # LAS


def image(seed: int) -> np.ndarray:
    """Canonical voxels (X, Y, Z) int16, all of them different from one another."""
    return np.random.default_rng(seed).permutation(np.prod(SHAPE)).reshape(SHAPE).astype(np.int16) * 3


def lesion(seed: int) -> np.ndarray:
    """A canonical mask (X, Y, Z) uint8 of a box; larger with the seed."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[2:5, 3 : 4 + seed % 3, 1:3] = 1
    return mask


def save(path: Path, voxels: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    """Write canonical voxels on the grid of `affine`, of which the first axis runs to the left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = nibabel.Nifti1Image(voxels[::-1], affine)
    stored.set_sform(affine, 1)
    stored.set_qform(affine, 1)
    nibabel.save(stored, path)


def write_isbi(root: Path) -> Path:
    for number, (patient, time) in enumerate([(1, 1), (1, 2), (2, 1)]):
        scan = f"training{patient:02}_{time:02}"
        folder = root / "training" / f"training{patient:02}"
        for sequence in ("flair", "mprage", "pd", "t2"):
            save(folder / "preprocessed" / f"{scan}_{sequence}_pp.nii", image(number))
        for rater in (1, 2):
            save(folder / "masks" / f"{scan}_mask{rater}.nii", lesion(number + rater - 1))
    return root


def write_open_ms(root: Path) -> Path:
    for number, patient in enumerate(("patient02", "patient10")):
        for name in ("FLAIR_N4_brain", "T1_N4_brain", "T1POST_N4_brain", "T2_N4_brain"):
            save(root / patient / f"{name}.nii.gz", image(number))
        save(root / patient / "GOLD_STANDARD_N4.nii.gz", lesion(number))
    return root


def write_mslesseg(root: Path) -> Path:
    scans = ("train/P2/T1/P2_T1", "train/P2/T2/P2_T2", "train/P10/T1/P10_T1", "test/P54/P54")
    for number, scan in enumerate(scans):
        for name in ("FLAIR", "T1", "T2"):
            save(root / f"{scan}_{name}.nii.gz", image(number))
        save(root / f"{scan}_MASK.nii.gz", lesion(number))
    return root


def write_tree(root: Path) -> Path:
    """Two folds of three scans; scan n has n + 3 slices of 10 x 8, numbered without zeros in front."""
    scans = {"P1_T1": 1, "P1_T2": 1, "P2_T1": 2}
    for number, (scan, inside) in enumerate(scans.items()):
        for fold in (1, 2):
            part = "val" if fold == inside else "train"
            for z in range(8, 11 + number):
                picture = np.full((10, 8), z, np.uint8)
                picture[0, number] = 200
                mask = np.zeros((10, 8), np.uint8)
                mask[4:6, 2:5] = 255 if z == 9 else 0
                for folder, name, pixels in (("", "flair_pp", picture), ("annot", "mask1", mask)):
                    path = root / f"{part}{fold}{folder}" / scan / f"training_{scan}_{name}_{z}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    cv2.imwrite(str(path), pixels)
    return root


WRITERS = {"ISBI 2015": write_isbi, "open_ms_data": write_open_ms, "MSLesSeg": write_mslesseg, "image tree": write_tree}
