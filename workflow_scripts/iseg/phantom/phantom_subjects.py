"""A phantom of iSeg-2017: infants' brains in the folders, names and files of the release.

By default the grid is that of the release, too. The subjects with labels lie in iSeg-2017-Training, the others, whose
numbers follow, in iSeg-2017-Testing. A subject depends only on the seed, the grid and its number.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
from nibabel.analyze import AnalyzeHeader

from iseg.data.conversion import FILE_LABELS
from iseg.data.subject_files import OFFICIAL
from iseg.phantom.infant_brain import RADII_MM, SIGNAL, acquire, draw_labels
from reprise.data.phantom_voxels import make_grid
from reprise.step.command import progress
from reprise.step.errors import InputError
from reprise.step.files import outputs
from reprise.step.pool import mapped

WIDTH_MM = 144.0  # of each grid along its first axis; other grids have larger or smaller voxels


def write_phantom(
    folder: str | Path, labelled: int, unlabelled: int, shape: Sequence[int], seed: int, processes: int
) -> None:
    """Write the data set to `folder`; its files do not depend on the number of processes.

    Raises:
        InputError: the grid is too small for a brain, or the disk is full.
    """
    spacing = WIDTH_MM / shape[0]
    if any(length * spacing < 2 * radius for length, radius in zip(shape, RADII_MM, strict=True)):
        least = "x".join(f"{2 * radius:g}" for radius in RADII_MM)
        found = "x".join(f"{length * spacing:.4g}" for length in shape)
        raise InputError(f"phantom: expected a grid of {least} mm or more, {WIDTH_MM:g} mm wide; found {found} mm")
    with outputs(folder) as (partial_folder,):
        for official, count in zip(OFFICIAL.values(), (labelled, unlabelled), strict=True):
            (partial_folder / official).mkdir(parents=True) if count else None
        make = partial(_write_subject, partial_folder, labelled, tuple(shape), seed)
        numbers = range(1, labelled + unlabelled + 1)
        list(progress(mapped(make, numbers, processes), "phantom subjects", len(numbers)))


def _write_subject(folder: Path, labelled: int, shape: Sequence[int], seed: int, number: int) -> None:
    rng = np.random.default_rng([seed, number])
    grid = make_grid(shape, [WIDTH_MM / shape[0]] * 3)
    labels = draw_labels(rng, grid)
    name = folder / OFFICIAL["training" if number <= labelled else "testing"] / f"subject-{number}"
    order = ">" if number <= labelled else "<"  # readers must take both
    for modality in SIGNAL:
        _write(Path(f"{name}-{modality}.img"), acquire(rng, labels, grid, modality), grid.spacing_mm, order)
    if number <= labelled:
        _write(Path(f"{name}-label.img"), np.array(FILE_LABELS, np.uint8)[labels], grid.spacing_mm, order)


def _write(path: Path, voxels: np.ndarray, spacing_mm: Sequence[float], order: str) -> None:
    """Write voxels (X, Y, Z) as a pair of Analyze files, with a fourth axis of length 1, as released."""
    header = AnalyzeHeader(endianness=order)
    header.set_data_dtype(voxels.dtype)
    header.set_data_shape((*voxels.shape, 1))
    header.set_zooms((*spacing_mm, 1))
    nibabel.save(nibabel.AnalyzeImage(voxels[..., None], None, header), path)
