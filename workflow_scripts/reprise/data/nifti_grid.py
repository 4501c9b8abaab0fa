"""Where the voxels of a NIfTI file lie: contradictions between its statements, and the difference of two grids."""

import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.nifti1 import Nifti1Header
from nibabel.orientations import io_orientation


def settle_orientation(header: Nifti1Header) -> str:
    """What is odd about the sform, the qform and the voxel sizes; a sform without a meaning is dropped if need be."""
    if not header["sform_code"]:
        return ""
    sform, pixdim = header.get_sform(), np.abs(header["pixdim"][1:4])
    qform = header.get_qform() if header["qform_code"] else None
    if not spans_volume(sform) and qform is not None and spans_volume(qform):
        header["sform_code"] = 0
        return "its sform spans no volume; its qform is used"
    if qform is not None and header["sform_code"] == header["qform_code"]:
        shape = tuple(header["dim"][1:4])
        if found := grid_difference(shape, sform, shape, qform):
            return f"its qform contradicts its sform ({found}); the sform is used"
    sizes = voxel_sizes(sform)
    if pixdim.all() and not np.allclose(sizes, pixdim, rtol=0.02):
        shown = [" x ".join(f"{length:.3g}" for length in lengths) for lengths in (sizes, pixdim)]
        return f"its sform has voxels of {shown[0]}, its pixdim of {shown[1]}; the sform is used"
    return ""


def spans_volume(affine: np.ndarray) -> bool:
    """Whether the axes of an affine are finite, of sound lengths, and not parallel."""
    if not np.isfinite(affine).all():
        return False
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if not ((spacing > 1e-6) & (spacing < 1e6)).all():
        return False
    # volume of a voxel divided by that of a box with the same spacings: 0 if two axes are parallel
    upright = abs(np.linalg.det(affine[:3, :3] / spacing))
    return bool(upright > 1e-3 and not np.isnan(io_orientation(affine)).any())


def grid_difference(
    shape: tuple[int, ...], affine: np.ndarray, other_shape: tuple[int, ...], other_affine: np.ndarray
) -> str:
    """How two canonical grids differ, "" if no corner is apart by more than a tenth of the smallest spacing."""
    if shape != other_shape:
        return f"shape {'x'.join(map(str, other_shape))}, not {'x'.join(map(str, shape))}"
    corners = np.array(np.meshgrid(*[(0, length - 1) for length in shape])).reshape(3, -1)
    apart = (other_affine - affine) @ np.vstack([corners, np.ones(8)])
    furthest = float(np.linalg.norm(apart[:3], axis=0).max())
    if furthest > 0.1 * np.linalg.norm(affine[:3, :3], axis=0).min():
        return f"affine, {furthest:.3g} mm apart at a corner"
    return ""
