"""The digest of voxels: the same for each file that states the same voxels, another for others."""

import numpy as np
import pytest

from reprise.data.voxel_digest import voxels_sha256

VOXELS = np.random.default_rng(0).integers(-300, 900, (4, 5, 6)).astype(np.int16)
OWN = voxels_sha256(VOXELS)


@pytest.mark.parametrize("kind", ("<i2", ">i2", "<i8", ">f4", "<f8"))
def test_neither_type_nor_order_of_bytes_or_axes_counts(kind: str) -> None:
    assert voxels_sha256(VOXELS.astype(kind)) == voxels_sha256(np.asfortranarray(VOXELS).astype(kind)) == OWN
    assert voxels_sha256(VOXELS.astype(kind)[::-1][::-1]) == OWN


def test_the_sign_of_zero_does_not_count() -> None:
    zeros = np.zeros((2, 2, 2))
    assert voxels_sha256(-zeros) == voxels_sha256(zeros) == voxels_sha256(zeros - 1e-60)


def test_shape_place_and_value_count() -> None:
    changed = VOXELS.copy()
    changed[3, 4, 5] += 1
    others = (VOXELS.reshape(5, 4, 6), VOXELS.reshape(4, 5, 6, 1), VOXELS[::-1], VOXELS.T, changed)
    assert len({OWN, *map(voxels_sha256, others)}) == 6


def test_the_voxels_are_left_as_they_are() -> None:
    before = np.full((2, 2), -0.0, np.float32)
    voxels_sha256(before)
    assert np.signbit(before).all()
