"""A phantom of the training data of ISBI 2015: five patients with multiple sclerosis, scanned four or five times.

Layout, names and, by default, the grid are as released. `lesions.csv` beside the patients' folders has the volume and
centre of every lesion at every time point. A patient depends only on the seed and on its number.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd

from mslesion.phantom import brain
from reprise.data.phantom_voxels import Grid, make_grid
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import outputs
from reprise.step.pool import mapped

TIMEPOINTS = (4, 4, 5, 4, 4)
SHAPE = (181, 217, 181)
SPACING_MM = (1.0, 1.0, 1.0)
LESIONS = (20, 8, 40, 13, 28)  # by patient: patients differ more from each other than time points do
RATERS = {1: -0.06, 2: 0.10}  # by rater, how many mm too far out each draws the border
WOBBLE = 0.25
TRUTH = "lesions.csv"


def write_phantom(
    folder: str | Path, shape: Sequence[int], spacing_mm: Sequence[float], seed: int, processes: int
) -> None:
    """Write the data set to `folder`; its files do not depend on the number of processes.

    Raises:
        InputError: the grid is too small for a brain, or the disk is full.
    """
    extent = [n * step for n, step in zip(shape, spacing_mm, strict=True)]
    if len(extent) != 3 or any(side < 2 * radius for side, radius in zip(extent, brain.RADII_MM, strict=True)):
        least = "x".join(f"{2 * radius:g}" for radius in brain.RADII_MM)
        raise InputError(
            f"phantom: expected a grid of {least} mm or more, found {'x'.join(f'{side:g}' for side in extent)}"
        )
    with outputs(folder) as (partial_folder,):
        partial_folder.mkdir(parents=True)
        make = partial(_write_patient, partial_folder, tuple(shape), tuple(spacing_mm), seed)
        patients = range(len(TIMEPOINTS))
        rows = list(progress(mapped(make, patients, processes), "phantom patients", len(patients)))
        pd.DataFrame([row for patient in rows for row in patient]).to_csv(partial_folder / TRUTH, index=False)


def _write_patient(
    folder: Path, shape: Sequence[int], spacing_mm: Sequence[float], seed: int, patient: int
) -> list[dict[str, Any]]:
    """Write all scans of one patient; return the patient's rows of the truth."""
    rng = np.random.default_rng([seed, patient])
    grid = make_grid(shape, spacing_mm)
    head = brain.draw_brain(rng, grid)
    side = float(np.cbrt(np.prod(spacing_mm)))
    radii = (max(2.5, 1.6 * side), max(10.0, 3.0 * side))
    lesions = brain.draw_lesions(rng, head, grid, LESIONS[patient], radii, TIMEPOINTS[patient])
    name, rows = f"training{patient + 1:02}", []
    for kind in ("preprocessed", "masks"):
        (folder / name / kind).mkdir(parents=True)
    for time in range(TIMEPOINTS[patient]):
        distance = brain.border_distance(lesions, time, grid)
        distance[head.labels != brain.TISSUES.index("white")] = 20  # raters leave fluid and grey matter out
        scan = f"{name}_{time + 1:02}"
        for sequence in brain.SIGNAL:
            image = brain.acquire(rng, head, distance, grid, sequence)
            _write(folder / name / "preprocessed" / f"{scan}_{sequence}_pp.nii", image, grid)
        for rater, bias in RATERS.items():
            mask = brain.rate(rng, distance, grid, bias, WOBBLE)
            _write(folder / name / "masks" / f"{scan}_mask{rater}.nii", mask, grid)
        rows += [
            _truth(name, time, number, lesion) for number, lesion in enumerate(lesions) if lesion.fractions[time] > 0
        ]
    return rows


def _truth(patient: str, time: int, number: int, lesion: brain.Lesion) -> dict[str, Any]:
    volume = round(brain.volume_ml(lesion, time), 6)
    centre = dict(zip(("x_mm", "y_mm", "z_mm"), lesion.ellipsoid.centre.round(3).tolist(), strict=True))
    return {"patient": patient, "timepoint": time + 1, "lesion": number + 1, "volume_ml": volume, **centre}


def _write(path: Path, voxels: np.ndarray, grid: Grid) -> None:
    """Write canonical voxels (X, Y, Z) with the first axis running to the left."""
    x, y, z = (float(axis.ravel()[0]) for axis in grid.axes)
    affine = np.diag([-grid.spacing_mm[0], *grid.spacing_mm[1:], 1.0])
    affine[:3, 3] = -x, y, z
    image = nibabel.Nifti1Image(voxels[::-1], affine)
    image.set_qform(affine, 1)
    image.set_sform(affine, 1)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
