"""Damaged NIfTI and Analyze files: each is read or refused in one line, and none says something false."""

import gzip
import os
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.data.nifti import read_volume, write_mask
from reprise.step.errors import InputError
from test_nifti import AFFINE, VOXELS, saved


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dim": [4, 3, 4, 5, 2, 1, 1, 1]}, "expected one volume with 3 axes, found 3x4x5x2"),
        ({"dim": [2, 3, 20, 1, 1, 1, 1, 1]}, "expected one volume with 3 axes, found 3x20"),
        ({"dim": [3, 3, -4, 5, 1, 1, 1, 1]}, "damaged header (axes of 3x-4x5 voxels)"),
        ({"dim": [9, 3, 4, 5, 1, 1, 1, 1]}, "damaged header (dim[0] is 9)"),
        ({"dim": [3, 1000, 1000, 500, 1, 1, 1, 1]}, "truncated (expected 1000000352 bytes, found 472)"),
        (
            {"dim": [3, 600, 500, 500, 1, 1, 1, 1], "scl_slope": 2},
            "expected at most 1024 MB of voxels, found 1144 MB",
        ),
        ({"dim": [3, 32767, 32767, 32767, 1, 1, 1, 1]}, "expected at most 1024 MB of voxels"),
        ({"datatype": 32}, "expected one number for each voxel, found complex64"),
        ({"datatype": 128}, "expected one number for each voxel, found RGB"),
        ({"scl_slope": 2, "scl_inter": np.nan}, "damaged header (its numbers contradict each other)"),
        ({"datatype": 1234}, "damaged header (no data type has the code 1234)"),
        ({"vox_offset": np.inf}, "damaged header (its numbers contradict each other)"),
        ({"vox_offset": 1e30}, "truncated"),
        ({"srow_x": 0, "qform_code": 0}, "no valid affine"),
        ({"srow_x": np.nan, "qform_code": 0}, "no valid affine"),
        ({"srow_y": [2.0, 0.1, 0, -7], "qform_code": 0}, "no valid affine"),
        ({"magic": b"ni1"}, "no NIfTI of this kind of file"),
        ({"magic": b""}, "no NIfTI of this kind of file"),
        ({"sizeof_hdr": 349}, "no NIfTI file"),
    ],
)
def test_impossible_headers_are_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture, fields: dict[str, object], message: str
) -> None:
    path = saved(tmp_path / "scan.nii", **fields)
    with pytest.raises(InputError) as caught:
        read_volume(path)
    assert message in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", ""), "nibabel has something to say of its own"


@pytest.mark.parametrize("srow_x", [[0, 0, 0, 0], [np.nan, 0, 0, 0]])
def test_a_sound_qform_stands_in_for_an_sform_without_a_meaning(tmp_path: Path, srow_x: list[float]) -> None:
    whole = read_volume(saved(tmp_path / "whole.nii"))
    volume = read_volume(saved(tmp_path / "scan.nii", srow_x=srow_x))
    np.testing.assert_allclose(volume.affine, whole.affine, atol=0.03)  # a qform has right angles
    np.testing.assert_array_equal(volume.voxels, whole.voxels)
    assert volume.oddity == "its sform spans no volume; its qform is used" and not whole.oddity
    write_mask(tmp_path / "mask.nii", (volume.voxels > 0).astype(np.uint8), volume.header)
    np.testing.assert_allclose(read_volume(tmp_path / "mask.nii").affine, volume.affine, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "oddity"),
    [
        ({"qoffset_x": 40, "qform_code": 1, "sform_code": 1}, "its qform contradicts its sform"),
        ({"qoffset_x": 40, "qform_code": 1, "sform_code": 2}, ""),  # two spaces, each with a code of its own
        ({"qform_code": 0, "pixdim": [1, 9, 9, 9, 0, 0, 0, 0]}, "its pixdim of 9 x 9 x 9; the sform is used"),
    ],
)
def test_statements_that_contradict_each_other_are_named(tmp_path: Path, fields: dict, oddity: str) -> None:
    volume = read_volume(saved(tmp_path / "scan.nii", **fields))
    assert oddity in volume.oddity and bool(oddity) == bool(volume.oddity)
    np.testing.assert_allclose(volume.affine, read_volume(saved(tmp_path / "whole.nii")).affine)


@pytest.mark.parametrize("magic", [b"n", b"ni2", b"xi1", b"\0+1"])
def test_a_damaged_magic_does_not_turn_a_nifti_pair_into_one_of_analyze(tmp_path: Path, magic: bytes) -> None:
    nibabel.save(nibabel.Nifti1Pair(VOXELS, AFFINE), tmp_path / "scan.img")
    block = (tmp_path / "scan.hdr").read_bytes()
    (tmp_path / "scan.hdr").write_bytes(block[:344] + magic.ljust(4, b"\0"))
    with pytest.raises(InputError, match="no NIfTI of this kind of file"):
        read_volume(tmp_path / "scan.hdr")


@pytest.mark.parametrize("code", [77, -1])
def test_an_unknown_code_of_the_sform_does_not_turn_the_brain_round(tmp_path: Path, code: int) -> None:
    volume = read_volume(saved(tmp_path / "scan.nii", sform_code=code, qform_code=0))
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    assert (volume.orientation, volume.stated) == ("RAS", True)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    voxels = VOXELS.astype(np.float32)
    voxels[1, 2, 3] = value
    with pytest.raises(InputError, match="1 voxels are NaN or infinite"):
        read_volume(saved(tmp_path / "scan.nii", voxels))


def test_hostile_paths_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder.nii").mkdir()
    os.mkfifo(tmp_path / "pipe.nii")
    (tmp_path / "loop.nii").symlink_to(tmp_path / "loop.nii")
    (tmp_path / "empty.nii").touch()
    (tmp_path / "scan.txt").touch()
    (tmp_path / "text.nii.gz").write_text("no gzip")
    nibabel.save(nibabel.Nifti1Pair(VOXELS, AFFINE), tmp_path / "half.img")
    (tmp_path / "half.img").unlink()
    whole = saved(tmp_path / "whole.nii").read_bytes()
    (tmp_path / "short.nii").write_bytes(whole[:-1])
    (tmp_path / "short.nii.gz").write_bytes(gzip.compress(whole)[:-3])
    (tmp_path / "cut.nii.gz").write_bytes(gzip.compress(whole[:-1]))
    bomb = saved(tmp_path / "bomb.nii", dim=[3, 1000, 1000, 500, 1, 1, 1, 1]).read_bytes()
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(bomb))
    (tmp_path / "long.nii").write_bytes(whole + bytes(2**20 + 1))
    (tmp_path / "long.nii.gz").write_bytes(gzip.compress(whole + bytes(2**20 + 1)))
    for name, message in {
        "folder.nii": "not a regular file",
        "pipe.nii": "not a regular file",
        "loop.nii": "Too many levels of symbolic links",
        "empty.nii": "empty",
        "scan.txt": "expected a file that ends with",
        "text.nii.gz": "no NIfTI file",
        "half.hdr": "half.img: No such file",
        "absent.nii": "No such file",
        "short.nii": "truncated (expected 472 bytes, found 471)",
        "short.nii.gz": "not readable",
        "cut.nii.gz": "truncated (expected 472 bytes, found 471)",
        "bomb.nii.gz": "truncated (expected 1000000352 bytes, found",
        "long.nii": "goes on behind",
        "long.nii.gz": "goes on behind",
        "x" * 300 + ".nii": "File name too long",
        "nul\0.nii": "null",
    }.items():
        with pytest.raises(InputError) as caught:
            read_volume(tmp_path / name)
        assert message in str(caught.value), name


@settings(max_examples=400, deadline=None)
@given(
    packed=st.booleans(),
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
    in_header=st.booleans(),
    kept=st.floats(0, 1),
    cut=st.booleans(),
)
def test_damage_anywhere_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, packed: bool, damage: list, in_header: bool, kept: float, cut: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / f"damaged{os.getpid()}.nii"
    data = bytearray(saved(path).read_bytes())
    data = bytearray(gzip.compress(bytes(data))) if packed else data
    for place, value in damage:
        data[int(place * min(len(data), 352 if in_header else 10**9))] = value
    path = path.with_suffix(".nii.gz") if packed else path
    path.write_bytes(data[: int(kept * len(data))] if cut else data)
    try:
        volume = read_volume(path)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert volume.voxels.ndim == 3 and np.isfinite(volume.voxels).all() and np.isfinite(volume.affine).all()
