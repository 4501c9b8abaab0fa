"""The tissues of a user's own brain, written as the brain was given."""

from pathlib import Path

import numpy as np

from iseg.data.conversion import on_store_axes, write_tissues
from iseg.data.own_brains import OwnBrain
from reprise.data.nifti import Volume, without_text

ANALYZE = (".hdr", ".img", ".hdr.gz", ".img.gz")


def write_own_tissues(folder: Path, brain: OwnBrain, t1: Volume, labels: np.ndarray) -> None:
    """Write the map of tissues from canonical labels (X, Y, Z): NIfTI, or a pair of Analyze files if T1 is one."""
    analyze = not t1.stated and brain.paths[0].name.lower().endswith(ANALYZE)
    target = folder / f"{brain.case}{'.img' if analyze else '.nii.gz'}"
    write_tissues(target, on_store_axes(labels, t1.stated), without_text(t1.header), _origin_of(t1))


def _origin_of(t1: Volume) -> tuple[int, ...]:
    """The voxel at 0 mm of an Analyze file, from 1, on its own axes; zeros if the file states none that is a voxel."""
    at = np.linalg.inv(t1.affine)[:3, 3]
    stored = np.array([t1.voxels.shape[0] - 1 - at[0], *at[1:]]) + 1  # the reader has turned the first axis
    whole = np.round(stored).astype(int)
    return (*whole.tolist(),) if np.allclose(stored, whole, atol=1e-3) else (0, 0, 0)
