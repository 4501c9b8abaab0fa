"""The digest of a volume's voxels, by which a copy is found whatever file holds it."""

import hashlib

import numpy as np


def voxels_sha256(voxels: np.ndarray) -> str:
    """SHA-256 of a volume in canonical orientation: the same for each file that states the same voxels.

    Hashed are the shape, and the voxels as little-endian float32 in C order, with -0 as 0; so byte order, type of
    number, packing and the order of the stored axes do not count. Values that differ by less than float32 tells apart
    count as one. Spacing, and where the volume lies, are not part of it.

    Args:
        voxels: of any shape, such as (X, Y, Z), and any type of real number within the range of float32.
    """
    values = voxels.astype("<f4", order="C")
    values += np.float32(0)  # -0 becomes 0
    digest = hashlib.sha256("x".join(map(str, voxels.shape)).encode())
    digest.update(b"\n")
    digest.update(values.data)
    return digest.hexdigest()
