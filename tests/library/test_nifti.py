"""NIfTI and Analyze volumes: however they are stored, they read the same."""

from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from reprise.data.nifti import plain_header, read_volume, write_mask
from reprise.data.nifti_grid import grid_difference
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


@pytest.mark.parametrize("ending", [".hdr", ".img", ".hdr.gz"])
@pytest.mark.parametrize("order", "<>")
def test_a_pair_of_analyze_7_5_is_read_as_nibabel_reads_it(tmp_path: Path, order: str, ending: str) -> None:
    header = nibabel.AnalyzeHeader(endianness=order)
    header.set_data_dtype(np.int16)
    header["patient_id"] = b"RoeRich"
    image = nibabel.AnalyzeImage(VOXELS[..., None], np.diag([-2, 3, 1.5, 1]), header)
    nibabel.save(image, tmp_path / f"scan{ending.replace('.hdr', '.img')}")
    path = tmp_path / f"scan{ending}"
    there = nibabel.as_closest_canonical(nibabel.load(path))
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.voxels, VOXELS[::-1])
    assert volume.voxels.dtype == np.int16 and volume.voxels.dtype.isnative
    np.testing.assert_array_equal(volume.affine, there.affine)
    assert volume[2:5] == ((2, 3, 1.5), "LAS", False)
    assert b"RoeRich" not in volume.header
    write_mask(tmp_path / "mask.nii.gz", (volume.voxels > 0).astype(np.uint8), volume.header)
    mask = read_volume(tmp_path / "mask.nii.gz")
    np.testing.assert_array_equal(mask.voxels, volume.voxels > 0)
    assert mask[2:5] == volume[2:5]


def test_the_scaling_of_spm_is_applied_to_an_analyze_pair(tmp_path: Path) -> None:
    nibabel.save(nibabel.Spm2AnalyzeImage(VOXELS, np.diag([-2, 3, 1.5, 1])), tmp_path / "scan.img")
    block = bytearray((tmp_path / "scan.hdr").read_bytes())
    block[112:116] = np.array([0.5], "<f4").tobytes()
    (tmp_path / "scan.hdr").write_bytes(block)
    np.testing.assert_array_equal(read_volume(tmp_path / "scan.hdr").voxels, VOXELS[::-1] * 0.5)


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
