"""Small data of the cardiac study, made up, for tests that need no phantom: a store, and a folder as released."""

from pathlib import Path

import nibabel
import numpy as np
import pandas as pd

from reprise.data.nifti import plain_header
from reprise.data.store import write_store

GROUPS = ("NOR", "MINF", "DCM", "HCM", "RV")
SHAPE = (4, 32, 32)  # slices, height, width
SPACING_MM = (8.0, 2.0, 1.5)
FRAMES = 4  # of a cine, one after the other from ED to ES and back
ES = 3
AFFINE = np.diag([-1.5, -1.25, 8.0, 1.0])  # LPS


def heart(rng: np.random.Generator, beat: float) -> tuple[np.ndarray, np.ndarray]:
    """Image (N, H, W) int16 and labels of a heart, `beat` of the way from ED to ES. The last slice has no heart."""
    y, x = np.mgrid[: SHAPE[1], : SHAPE[2]]
    labels = np.zeros(SHAPE, np.uint8)
    for number, size in enumerate((1.0, 0.9, 0.6)):
        lv, rv = np.hypot(y - 16, x - 18), np.hypot((y - 16) / 1.3, x - 9)
        labels[number][(rv < 6 * size * (1 - 0.2 * beat)) & (number < 2)] = 1
        labels[number][lv < 8 * size] = 2
        labels[number][lv < 6 * size * (1 - 0.35 * beat)] = 3
    signal = np.array([60, 180, 90, 200])[labels] + rng.normal(0, 8, SHAPE)
    return signal.astype(np.int16), labels


def small_store(
    folder: Path, training: int = 15, testing: int = 5, seed: int = 0, structures: tuple[int, ...] = (1, 2, 3)
) -> Path:
    """Write a store as the conversion does: patients of each group in turn, the training patients first.

    `structures` are the labels that there are; the others become background.
    """
    rng = np.random.default_rng(seed)
    rows, images, labels, cines = [], [], [], []
    voxels = int(np.prod(SHAPE))
    for number in range(training + testing):
        frames = [heart(rng, 1 - abs(frame + 1 - ES) / (ES - 1)) for frame in range(FRAMES)]
        cines += [image for image, _ in frames]
        for phase, frame in (("ED", 1), ("ES", ES)):
            image, label = frames[frame - 1]
            images.append(image)
            labels.append(np.where(np.isin(label, structures), label, 0).astype(np.uint8))
            patient = f"patient{number + 1:03}"
            rows.append(
                {
                    "case": f"{patient}-{phase}", "patient": patient, "phase": phase, "frame": frame,
                    "official": "training" if number < training else "testing",
                    "group": GROUPS[number % len(GROUPS)],
                    "offset": len(rows) * voxels, "first_slice": len(rows) * SHAPE[0],
                    **dict(zip(("slices", "height", "width"), SHAPE, strict=True)),
                    **dict(zip(("slice_mm", "row_mm", "column_mm"), SPACING_MM, strict=True)),
                    "orientation": "LAS", "sha256": f"{len(rows):064x}", "dtype": "int16",
                    **{f"{name}_voxels": int((labels[-1] == k).sum()) for k, name in enumerate(("rv", "myo", "lv"), 1)},
                    "cine_offset": number * FRAMES * voxels, "cine_frames": FRAMES,
                }
            )  # fmt: skip
    header = np.frombuffer(plain_header(SHAPE[::-1], SPACING_MM[::-1]).ljust(540, b"\0"), np.uint8)
    arrays = {name: np.concatenate([part.ravel() for part in parts]) for name, parts in
              (("image", images), ("labels", labels), ("cine", cines))}  # fmt: skip
    write_store(folder, pd.DataFrame(rows), arrays | {"headers": np.tile(header, (len(rows), 1))})
    return folder


def write_acdc(root: Path) -> Path:
    """Write ACDC as released: patients 2 and 10 for training, 101 for testing. In patient 10 ES comes before ED."""
    for number, official, ed, es in ((2, "training", 1, 3), (10, "training", 4, 2), (101, "testing", 1, 2)):
        name, rng = f"patient{number:03}", np.random.default_rng(number)
        folder = root / official / name
        folder.mkdir(parents=True)
        (folder / "Info.cfg").write_text(
            f"ED: {ed}\nES: {es}\nGroup: {GROUPS[number % 5]}\nHeight: 180.0\nNbFrame: {FRAMES}\nWeight: 70.0\n"
        )
        (folder / "MANDATORY_CITATION.md").write_text("cite\n")
        cine = rng.integers(0, 1000, (6, 7, 5, FRAMES)).astype(np.int16)
        save(folder / f"{name}_4d.nii.gz", cine)
        for frame in (ed, es):
            save(folder / f"{name}_frame{frame:02}.nii.gz", cine[..., frame - 1])
            save(folder / f"{name}_frame{frame:02}_gt.nii.gz", drawn(frame))
    return root


def drawn(frame: int) -> np.ndarray:
    """Labels (X, Y, Z) uint8 of a frame; the last slice has none."""
    labels = np.zeros((6, 7, 5), np.uint8)
    labels[1, 2:4, :3], labels[2, 2:5, :4], labels[3, 2 : 4 + frame % 3, 1:4] = 1, 2, 3
    return labels


def save(path: Path, voxels: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    """Write stored voxels, of which by default the first axis runs to the left and the second to the back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(voxels, affine), path)
