"""Small data of the cardiac study, made up: a store, for tests that need no phantom."""

from pathlib import Path

import numpy as np
import pandas as pd

from reprise.data.nifti import plain_header
from reprise.data.store import write_store

GROUPS = ("NOR", "MINF", "DCM", "HCM", "RV")
SHAPE = (4, 32, 32)  # slices, height, width
SPACING_MM = (8.0, 2.0, 1.5)
FRAMES = 4  # of a cine, one after the other from ED to ES and back
ES = 3


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
