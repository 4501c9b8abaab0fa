"""NIfTI volumes: however they are stored they read the same, and what is damaged is one line."""

import gzip
import os
from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from reprise.data.nifti import grid_difference, plain_header, read_volume, write_mask
from reprise.step.errors import InputError

ORIENTATIONS = [
    "".join(pair[flip] for pair, flip in zip(axes, flips, strict=True))
    for axes in permutations(("RL", "AP", "SI"))
    for flips in product((0, 1), repeat=3)
]
VOXELS = np.arange(-30, 30, dtype=np.int16).reshape(3, 4, 5)
AFFINE = np.array([[2.0, 0.1, 0, -7], [-0.1, 3.0, 0, 5], [0, 0, 1.5, 9], [0, 0, 0, 1]])


def stored(orientation: str = "RAS", kind: type = nibabel.Nifti1Image, voxels: np.ndarray = VOXELS):
    """A NIfTI image of VOXELS with its axes in another order."""
    image = kind(voxels, AFFINE)
    image.set_qform(AFFINE, 1)
    image.set_sform(AFFINE, 1)
    return image.as_reoriented(ornt_transform(io_orientation(AFFINE), axcodes2ornt(orientation)))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_any_orientation_reads_the_same_and_a_mask_goes_back_where_it_came_from(
    tmp_path: Path, orientation: str
) -> None:
    path = tmp_path / "scan.nii.gz"
    nibabel.save(stored(orientation), path)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    np.testing.assert_allclose(volume.affine, AFFINE, atol=1e-5)
    np.testing.assert_allclose(volume.spacing_mm, np.linalg.norm(AFFINE[:3, :3], axis=0), rtol=1e-6)
    assert (volume.orientation, volume.stated) == (orientation, True)
    write_mask(tmp_path / "mask.nii", (volume.voxels > 12).astype(np.uint8), volume.header)
    scan, mask = nibabel.load(path), nibabel.load(tmp_path / "mask.nii")
    np.testing.assert_array_equal(np.asanyarray(mask.dataobj), np.asanyarray(scan.dataobj) > 12)
    changed = {key for key in scan.header if scan.header[key].tobytes() != mask.header[key].tobytes()}
    assert changed <= {"datatype", "bitpix", "scl_slope", "scl_inter"}


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".img", ".hdr", ".img.gz"])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("version", [1, 2])
def test_any_version_byte_order_and_file_reads_the_same(tmp_path: Path, version: int, order: str, ending: str) -> None:
    single, pair = {
        1: (nibabel.Nifti1Image, nibabel.Nifti1Pair),
        2: (nibabel.Nifti2Image, nibabel.Nifti2Pair),
    }[version]
    kind = single if ending.startswith(".nii") else pair
    image = stored("LPS")
    header = kind.header_class.from_header(image.header).as_byteswapped(order)
    nibabel.save(kind(np.asanyarray(image.dataobj), image.affine, header), tmp_path / f"scan{ending}")
    volume = read_volume(tmp_path / f"scan{ending}")
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    assert volume.voxels.dtype == np.int16 and volume.voxels.dtype.isnative
    write_mask(tmp_path / "mask.nii.gz", (VOXELS > 0).astype(np.uint8), volume.header)
    mask = read_volume(tmp_path / "mask.nii.gz")
    np.testing.assert_array_equal(mask.voxels, VOXELS > 0)
    assert grid_difference(volume.voxels.shape, volume.affine, mask.voxels.shape, mask.affine) == ""
    assert mask.header[:4] == volume.header[:4]  # same version, same byte order


def test_scaling_units_and_trailing_axes_are_applied(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(VOXELS[..., None, None], AFFINE / 1000)
    image.header.set_xyzt_units("meter")
    image.header.set_slope_inter(0.5, 3)
    nibabel.save(image, tmp_path / "scan.nii")
    block = bytearray((tmp_path / "scan.nii").read_bytes())
    block[112:120] = np.array([0.5, 3], "<f4").tobytes()  # nibabel rescales what it saves
    block[352:] = VOXELS.tobytes(order="F")
    (tmp_path / "scan.nii").write_bytes(block)
    volume = read_volume(tmp_path / "scan.nii")
    np.testing.assert_array_equal(volume.voxels, VOXELS * 0.5 + 3)
    np.testing.assert_allclose(volume.spacing_mm, np.linalg.norm(AFFINE[:3, :3], axis=0), rtol=1e-5)
    write_mask(tmp_path / "mask.nii", np.ones((3, 4, 5), np.uint8), volume.header)
    assert nibabel.load(tmp_path / "mask.nii").shape == (3, 4, 5, 1, 1)
    with pytest.raises(InputError, match="grid is"):
        write_mask(tmp_path / "mask.nii", np.ones((3, 5, 4), np.uint8), volume.header)


def test_without_any_orientation_the_axes_are_taken_as_left_anterior_superior(tmp_path: Path) -> None:
    (tmp_path / "scan.nii").write_bytes(plain_header((3, 4, 5))[:344] + b"n+1\0" + bytes(4) + bytes(240))
    volume = read_volume(tmp_path / "scan.nii")
    assert (volume.orientation, volume.stated, volume.voxels.shape) == ("LAS", False, (3, 4, 5))


def grid(volume) -> tuple[tuple[int, ...], np.ndarray]:
    return volume.voxels.shape, volume.affine


def test_grids_differ_by_shape_or_by_more_than_a_tenth_of_a_voxel() -> None:
    moved = AFFINE.copy()
    moved[0, 3] += 0.14
    assert grid_difference((3, 4, 5), AFFINE, (3, 4, 5), moved) == ""
    moved[0, 3] += 0.02
    assert grid_difference((3, 4, 5), AFFINE, (3, 4, 5), moved) == "affine, 0.16 mm apart at a corner"
    assert grid_difference((3, 4, 5), AFFINE, (3, 5, 4), AFFINE) == "shape 3x5x4, not 3x4x5"


def saved(path: Path, voxels: np.ndarray = VOXELS, **fields: object) -> Path:
    """A little-endian NIfTI-1 file with fields of its header overwritten."""
    nibabel.save(stored(voxels=voxels), path)
    header = nibabel.Nifti1Header(path.read_bytes()[:348], check=False)
    for name, value in fields.items():
        header[name] = value
    path.write_bytes(header.binaryblock + path.read_bytes()[348:])
    return path


FLOATS = VOXELS.astype(np.float32)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dim": [4, 3, 4, 5, 2, 1, 1, 1]}, "expected one volume with 3 axes, found 3x4x5x2"),
        ({"dim": [2, 3, 20, 1, 1, 1, 1, 1]}, "expected one volume with 3 axes, found 3x20"),
        ({"dim": [3, 3, -4, 5, 1, 1, 1, 1]}, "damaged header (axes of 3x-4x5 voxels)"),
        ({"dim": [9, 3, 4, 5, 1, 1, 1, 1]}, "damaged header (dim[0] is 9)"),
        ({"dim": [3, 1000, 1000, 1000, 1, 1, 1, 1]}, "truncated (expected 2000000352 bytes, found 472)"),
        ({"dim": [3, 32767, 32767, 32767, 1, 1, 1, 1]}, "expected at most 1073741824 voxels"),
        ({"datatype": 32}, "expected one number a voxel, found complex64"),
        ({"datatype": 128}, "expected one number a voxel, found RGB"),
        ({"scl_slope": 2, "scl_inter": np.nan}, "damaged header"),
        ({"datatype": 1234}, "damaged header"),
        ({"vox_offset": np.inf}, "damaged header"),
        ({"vox_offset": 1e30}, "truncated"),
        ({"srow_x": 0}, "no valid affine"),
        ({"srow_x": np.nan}, "no valid affine"),
        ({"srow_y": [2.0, 0.1, 0, -7]}, "no valid affine"),
        ({"magic": b"ni1"}, "no NIfTI of this kind of file"),
        ({"magic": b""}, "Analyze 7.5 states no orientation"),
        ({"sizeof_hdr": 349}, "no NIfTI file"),
    ],
)
def test_impossible_headers_are_one_line(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    path = saved(tmp_path / "scan.nii", **fields)
    with pytest.raises(InputError) as caught:
        read_volume(path)
    assert message in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("slope", [0, np.nan])
def test_a_slope_of_0_or_nan_scales_nothing(tmp_path: Path, slope: float) -> None:
    path = saved(tmp_path / "scan.nii", scl_slope=slope, scl_inter=7)
    np.testing.assert_array_equal(read_volume(path).voxels, VOXELS)


def test_the_sform_holds_before_the_qform_and_a_qfac_of_0_is_1(tmp_path: Path) -> None:
    apart = {"qoffset_x": 55}
    assert read_volume(saved(tmp_path / "scan.nii", **apart)).affine[0, 3] == -7
    by_qform = read_volume(saved(tmp_path / "scan.nii", **apart, sform_code=0))
    assert by_qform.affine[0, 3] == 55
    fields = nibabel.Nifti1Header(by_qform.header)
    fields["pixdim"][0] = 0
    path = saved(tmp_path / "scan.nii", **apart, sform_code=0, pixdim=fields["pixdim"])
    np.testing.assert_array_equal(read_volume(path).affine, by_qform.affine)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    voxels = FLOATS.copy()
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
    (tmp_path / "long.nii").write_bytes(whole + bytes(2**20 + 1))
    (tmp_path / "long.nii.gz").write_bytes(gzip.compress(whole + bytes(2**20 + 1)))
    for name, message in {
        "folder.nii": "not a regular file",
        "pipe.nii": "not a regular file",
        "loop.nii": "Too many levels of symbolic links",
        "empty.nii": "empty",
        "scan.txt": "expected a file that ends with",
        "text.nii.gz": "not readable",
        "half.hdr": "half.img: No such file",
        "absent.nii": "No such file",
        "short.nii": "truncated (expected 472 bytes, found 471)",
        "short.nii.gz": "not readable",
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


# Files that others have made

READ = {  # file: (shape, orientation as stored)
    "nibabel/anatomical.nii": ((33, 41, 25), "LAS"),
    "nibabel/reoriented_anat_moved.nii": ((21, 26, 22), "RAS"),
    "nibabel/standard.nii.gz": ((4, 5, 7), "RAS"),
    "nifti-reader-js/air.hdr.gz": ((64, 79, 67), "AIR"),
    "nifti-reader-js/air.img.gz": ((64, 79, 67), "AIR"),
    "nifti-reader-js/air2.hdr.gz": ((64, 79, 67), "AIR"),
    "nifti-reader-js/air2.img.gz": ((64, 79, 67), "AIR"),
    "nifti-reader-js/avg152T1_LR_nifti.nii.gz": ((91, 109, 91), "LAS"),
    "nifti-reader-js/avg152T1_LR_nifti2.nii.gz": ((91, 109, 91), "LAS"),
    "nifti-reader-js/big.nii.gz": ((64, 64, 21), "LAS"),
    "nifti-reader-js/little.nii.gz": ((64, 64, 21), "LAS"),
    "nifti-reader-js/with_extension.nii.gz": ((161, 191, 151), "LPI"),
    "niivue_misc/low_res.nii.gz": ((7, 5, 3), "RAS"),
    "niivue_misc/minimal.nii.gz": ((64, 64, 10), "LAS"),
    "niivue_misc/shear.nii.gz": ((306, 422, 54), "RAS"),
}
REFUSED = {
    "analyze75_dbc/template.hdr": "template.img: No such file",
    "nibabel/analyze.hdr": "analyze.img: No such file",
    "nibabel/nifti1.hdr": "nifti1.img: No such file",
    "nibabel/nifti2.hdr": "nifti2.img: No such file",
    "nibabel/example4d.nii.gz": "found 128x96x24x2",
    "nibabel/example_nifti2.nii.gz": "found 32x20x12x2",
    "nibabel/functional.nii": "found 17x21x3x20",
    "nibabel/row_major.dconn.nii": "expected one volume with 3 axes",
    "nifti-reader-js/5D_small.nii": "found 1x2x3x1x3",
    "nifti-reader-js/5D_zeros.nii.gz": "found 256x256x170x1x3",
    "nifti-reader-js/not-nifti.nii": "no NIfTI file",
    "niivue_misc/complex.nii.gz": "found complex64",
}


def test_every_volume_of_others_is_read_or_refused_as_it_should_be(real_data: Path) -> None:
    folder = real_data / "formats"
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if ".nii" in path.name or ".hdr" in path.name}
    assert {name for name in names if "orientations" not in name} <= {*READ, *REFUSED}
    for name, (shape, orientation) in READ.items():
        volume = read_volume(folder / name)
        assert (volume.voxels.shape, volume.orientation, volume.stated) == (shape, orientation, "minimal" not in name)
        there = nibabel.as_closest_canonical(nibabel.load(folder / name))
        np.testing.assert_allclose(volume.voxels, there.get_fdata().reshape(shape), rtol=1e-6)
        np.testing.assert_allclose(volume.affine, there.affine)
    for name, message in REFUSED.items():
        with pytest.raises(InputError) as caught:
            read_volume(folder / name)
        assert message in str(caught.value)


def test_the_same_brain_in_48_orientations_is_one_array(real_data: Path) -> None:
    paths = sorted((real_data / "formats" / "niivue_orientations").iterdir())
    volumes = [read_volume(path) for path in paths]
    assert {volume.orientation for volume in volumes} == {path.name[:3] for path in paths} == set(ORIENTATIONS)
    for volume in volumes:
        np.testing.assert_array_equal(volume.voxels, volumes[0].voxels)
        assert grid_difference(*grid(volumes[0]), *grid(volume)) == ""
