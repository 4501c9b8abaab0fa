"""A user's own stacks: NIfTI, DICOM series and PNG are read right, or refused in one line; masks lie where they do."""

import itertools
import zipfile
import zlib
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pandas as pd
import pytest
from pydicom.uid import JPEG2000Lossless

from acdc.analysis.stack_measures import measures_of, volumes_of
from acdc.analysis.stack_pictures import COLOURS, NAMES, colour_mask, overlay
from acdc.data import frame_bounds
from acdc.data.own_stacks import FIELD_MM, label_files, read_stack
from own_hearts import ALONG, DOWN, ORIGIN, SPACING_MM, image, write_nifti, write_series
from reprise.step.errors import InputError
from ui.uploads import files_of

ORIENTATIONS = [
    "".join(ends) for axes in itertools.permutations(("LR", "PA", "IS")) for ends in itertools.product(*axes)
]
NOTHING_LIKE_IT = "expected one NIfTI file, two of one heart, the files of one DICOM series, or one PNG file"


def written(tmp_path: Path, content: bytes) -> nibabel.Nifti1Image:
    (tmp_path / "labels.nii.gz").write_bytes(content)
    return nibabel.load(tmp_path / "labels.nii.gz")


@pytest.mark.parametrize("frames", [1, 4])
def test_a_series_is_put_together_by_place_and_time_and_its_mask_lies_where_the_images_do(
    tmp_path: Path, frames: int
) -> None:
    shown = image(frames)
    stack = read_stack(write_series(tmp_path / "in", shown))
    # Voxels are compared at their place in the patient, by the formula of the standard (PS3.3, C.7.6.2.1.1).
    spot = (frames - 1, 1, 7, 5)
    labels = np.where(stack.frames == shown[spot], 3, 0).astype(np.uint8)
    (content,) = label_files(stack, labels)
    mask = written(tmp_path, content)
    found = np.argwhere(np.asanyarray(mask.dataobj) == 3)
    step = np.cross(ALONG, DOWN) * SPACING_MM[0]
    expected = {
        tuple(np.round(ORIGIN + at * step + ALONG * SPACING_MM[2] * x + DOWN * SPACING_MM[1] * y, 2))
        for _, at, y, x in np.argwhere(shown == shown[spot])
    }
    to_dicom = np.diag([-1.0, -1.0, 1.0])
    there = {tuple(np.round(to_dicom @ (mask.affine @ [*voxel[:3], 1])[:3], 2)) for voxel in found}
    assert there == expected
    assert stack.frames.shape[:2] == (frames, 3) and sorted(stack.frames.shape[2:]) == [32, 40]
    assert [float(frame.sum()) for frame in stack.frames] == [float(frame.sum()) for frame in shown]
    assert np.prod(stack.spacing_mm) == pytest.approx(np.prod(SPACING_MM))


def test_a_zip_of_a_series_is_the_series(tmp_path: Path) -> None:
    paths, private = write_series(tmp_path / "in", image(2)), tmp_path / "upload"
    private.mkdir()
    with zipfile.ZipFile(private / "file-0001", "w") as archive:
        for path in paths:
            archive.write(path, f"Roe_Richard/{path.name}")
    unpacked = read_stack(files_of(private))
    np.testing.assert_array_equal(unpacked.frames, read_stack(paths).frames)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Modality": "CT"}, "a DICOM file is no MR image"),
        ({"NumberOfFrames": 2}, "a DICOM file holds several images"),
        ({"PixelSpacing": None}, "several sizes, spacings or directions"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}, "several sizes, spacings or directions"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "several sizes, spacings or directions"),
        ({"ImagePositionPatient": [0, 0, 500]}, "slices with 1 and with"),
        ({"Rows": 20}, "several sizes, spacings or directions"),
        ({"PixelData": b"\0\0"}, "pixels that are damaged or cannot be decoded"),
    ],
)
def test_a_series_that_is_no_series_is_one_line(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    paths = write_series(tmp_path, image(2), **changes)
    with pytest.raises(InputError, match=message) as raised:
        read_stack(paths)
    assert "\n" not in str(raised.value) and "Roe" not in str(raised.value)


def test_a_missing_image_and_a_missing_slice_are_found(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "a", image(2))
    with pytest.raises(InputError, match="slices with 1 and with 2 images: some lack"):
        read_stack(paths[:-1])
    with pytest.raises(InputError, match="two images of one slice and one time"):
        read_stack([*paths, *write_series(tmp_path / "b", image(2))])
    single = write_series(tmp_path / "c", image(1, slices=5))
    heights = [float(np.cross(ALONG, DOWN) @ _position(path)) for path in single]
    third = single[int(np.argsort(heights)[2])]
    with pytest.raises(InputError, match="8 to 16 mm apart: one may lack"):
        read_stack([path for path in single if path != third])


def _position(path: Path) -> np.ndarray:
    import pydicom

    return np.array(pydicom.dcmread(path).ImagePositionPatient, float)


def test_a_series_that_lies_about_its_size_is_not_decoded(tmp_path: Path) -> None:
    import pydicom
    from pydicom.encaps import encapsulate

    (path,) = write_series(tmp_path, image(1, slices=1))
    data = pydicom.dcmread(path)
    large = cv2.imencode(".jp2", np.zeros((300, 300), np.uint16))[1].tobytes()
    data.file_meta.TransferSyntaxUID = JPEG2000Lossless
    data.PixelData = encapsulate([large])
    data["PixelData"].is_undefined_length = True
    data.save_as(path, enforce_file_format=True)
    with pytest.raises(InputError, match="has frames of 40 x 32 pixels by its header, but of 300 x 300"):
        read_stack([path])


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_labels_go_back_to_the_voxels_of_a_nifti_file(tmp_path: Path, orientation: str) -> None:
    shown = image(1)
    stack = read_stack([write_nifti(tmp_path / "a.nii.gz", shown, orientation, descrip="Roe^Richard")])
    bright = (stack.frames > 350).astype(np.uint8) * 2
    (content,) = label_files(stack, bright)
    scan, mask = nibabel.load(tmp_path / "a.nii.gz"), written(tmp_path, content)
    np.testing.assert_array_equal(np.asanyarray(mask.dataobj), 2 * (np.asanyarray(scan.dataobj) > 350))
    np.testing.assert_array_equal(mask.affine, scan.affine)
    assert mask.header["descrip"].item() == b"" and stack.spacing_mm[0] == SPACING_MM[0]


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "PIL", "SRA"])
def test_labels_of_a_cine_go_back_to_each_frame(tmp_path: Path, orientation: str) -> None:
    stack = read_stack([write_nifti(tmp_path / "a.nii", image(4), orientation)])
    (content,) = label_files(stack, (stack.frames > 350).astype(np.uint8))
    scan, mask = nibabel.load(tmp_path / "a.nii"), written(tmp_path, content)
    np.testing.assert_array_equal(np.asanyarray(mask.dataobj), np.asanyarray(scan.dataobj) > 350)
    np.testing.assert_array_equal(mask.affine, scan.affine)
    assert mask.shape == scan.shape and len(stack.frames) == 4
    single = read_stack([write_nifti(tmp_path / "b.nii", image(4)[2:3], orientation)])
    np.testing.assert_array_equal(stack.frames[2], single.frames[0])
    assert stack.spacing_mm == pytest.approx(single.spacing_mm)


def test_two_stacks_are_two_frames_with_a_mask_each(tmp_path: Path) -> None:
    cine = image(2)
    paths = [write_nifti(tmp_path / f"{at}.nii", cine[at : at + 1]) for at in range(2)]
    stack = read_stack(paths)
    files = label_files(stack, (stack.frames > 350).astype(np.uint8))
    assert len(stack.frames) == len(files) == 2
    for path, content in zip(paths, files, strict=True):
        scan = np.asanyarray(nibabel.load(path).dataobj)
        np.testing.assert_array_equal(np.asanyarray(written(tmp_path, content).dataobj), scan > 350)


def test_what_does_not_belong_together_is_one_line(tmp_path: Path) -> None:
    stack, cine = write_nifti(tmp_path / "a.nii", image(1)), write_nifti(tmp_path / "b.nii", image(3))
    other = write_nifti(tmp_path / "c.nii", image(1, slices=4))
    nothing = tmp_path / "notes"
    nothing.write_text("no image")
    flat = write_nifti(tmp_path / "flat.nii", np.full((1, 3, 9, 9), 7, np.int16))
    hole = write_nifti(tmp_path / "hole.nii", np.where(image(1) > 400, np.nan, 1.0))
    holes = write_nifti(tmp_path / "holes.nii", np.where(image(2) > 400, np.nan, 1.0))
    (tmp_path / "cut.nii").write_bytes(stack.read_bytes()[:-9])
    for paths, message in {
        (stack, cine): "give a cine alone",
        (stack, other): "other shapes or spacings: 3x40x32 and 4x40x32",
        (stack, stack.with_name("a2.nii"), cine): NOTHING_LIKE_IT,
        (stack, nothing): NOTHING_LIKE_IT,
        (nothing,): "a file is neither a NIfTI, a PNG nor a DICOM file of MRI",
        (flat,): "every pixel has the same value",
        (hole,): "voxels are NaN",
        (holes,): "voxels are NaN",
        (tmp_path / "cut.nii",): "truncated",
    }.items():
        if tmp_path / "a2.nii" in paths:
            (tmp_path / "a2.nii").write_bytes(stack.read_bytes())
        with pytest.raises(InputError, match=message) as raised:
            read_stack(paths)
        assert "\n" not in str(raised.value)


def test_sizes_are_asked_before_pixels_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cine, series = write_nifti(tmp_path / "a.nii", image(4)), write_series(tmp_path / "in", image(4))
    for path in (cine, *series):  # some pixels are missing
        path.write_bytes(path.read_bytes()[:-100])
    monkeypatch.setattr(frame_bounds, "MOST_FRAMES", 3)
    for paths in ([cine], series):
        with pytest.raises(InputError, match=r"expected at most 3 frames, .* found 4 x 3 x 40 x 32"):
            read_stack(paths)


def png(path: Path, picture: np.ndarray) -> Path:
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return path


def test_a_picture_of_8_or_16_bits_with_or_without_alpha_is_the_same_slice(tmp_path: Path) -> None:
    grey = image(1, slices=1)[0, 0].clip(0, 255).astype(np.uint8)
    whole = read_stack([png(tmp_path / "8.png", grey)])
    assert (whole.frames[0, 0] == grey).all() and not whole.measured and "no size in mm" in whole.notes[0]
    assert whole.spacing_mm[1:] == (FIELD_MM / 40,) * 2
    wide = grey.astype(np.uint16) * 257
    assert (read_stack([png(tmp_path / "16.png", wide)]).frames[0, 0] == wide).all()
    colours = np.repeat(grey[..., None], 3, axis=-1)
    opaque = np.dstack([colours, np.full_like(grey, 255)])
    for name, picture in {"rgb": colours, "rgba": opaque}.items():
        np.testing.assert_array_equal(read_stack([png(tmp_path / f"{name}.png", picture)]).frames, whole.frames)
    half = opaque.copy()
    half[:, :16, 3] = 0
    np.testing.assert_array_equal(
        read_stack([png(tmp_path / "half.png", half)]).frames[0, 0], np.where(np.arange(32) < 16, 0, grey)
    )


def test_a_picture_that_is_no_slice_is_one_line(tmp_path: Path) -> None:
    grey = image(1, slices=1)[0, 0].astype(np.uint8)
    coloured = np.dstack([grey, grey // 2, grey])
    large = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\0\0\0\0"
    (tmp_path / "large.png").write_bytes(large + zlib.crc32(large[12:]).to_bytes(4, "big"))
    whole = png(tmp_path / "cut.png", grey).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:40])
    for path, message in {
        png(tmp_path / "colours.png", coloured): "expected a grey PNG, found colours",
        tmp_path / "large.png": "found 60000 x 60000",
        tmp_path / "cut.png": "a PNG file is damaged",
    }.items():
        with pytest.raises(InputError, match=message):
            read_stack([path])


def test_volumes_phases_and_mass_of_known_labels() -> None:
    labels = np.zeros((3, 2, 10, 10), np.uint8)
    for frame, (right, muscle, left) in enumerate([(10, 30, 20), (8, 32, 40), (6, 34, 15)]):
        labels[frame, 0].ravel()[: right + muscle + left] = np.repeat([1, 2, 3], [right, muscle, left])
    volumes = volumes_of(labels, (10.0, 5.0, 2.0))  # 0.1 ml a voxel
    np.testing.assert_allclose(volumes, [[1.0, 3.0, 2.0], [0.8, 3.2, 4.0], [0.6, 3.4, 1.5]])
    assert measures_of(volumes) == pytest.approx(
        {"lv_edv_ml": 4.0, "lv_esv_ml": 1.5, "lv_ef": 62.5, "rv_edv_ml": 0.8, "rv_esv_ml": 0.6, "rv_ef": 25.0}
        | {"lv_mass_g": 1.05 * 3.2}
    )
    assert measures_of(volumes[:1]) == {} == measures_of(pd.concat([volumes[:1]] * 2, ignore_index=True))
    without_rv = volumes.assign(rv_ml=0.0)
    assert np.isnan(measures_of(without_rv)["rv_ef"])


def test_each_structure_has_its_own_name_and_colour() -> None:
    assert NAMES == {"rv": "right ventricle", "myo": "myocardium", "lv": "left ventricle"}  # labels 1, 2 and 3
    labels = np.arange(4, dtype=np.uint8).repeat(8)[None].repeat(8, axis=0)
    shown = colour_mask(labels)[0, 4::8]
    expected = [[int(COLOURS[name][at : at + 2], 16) for at in (1, 3, 5)] for name in ("rv", "myo", "lv")]
    assert shown.tolist() == [[0, 0, 0], *expected]
    picture = overlay(np.zeros((8, 32), np.uint8), labels, (2.0, 1.0))
    assert picture.shape[0] / picture.shape[1] == pytest.approx(2 * 8 / 32, rel=0.05)
    edge = picture[picture.shape[0] // 2, (np.array([1, 2, 3]) * picture.shape[1]) // 4]
    assert edge.tolist() == expected


def test_every_image_of_others_is_read_or_refused_in_one_line(real_data: Path) -> None:
    read = set()
    for path in sorted((real_data / "formats").rglob("*")):
        if path.is_file() and "orientations" not in str(path):
            try:
                stack = read_stack([path])
            except InputError as error:
                assert "\n" not in str(error), path
            else:
                assert stack.frames.ndim == 4 and min(stack.spacing_mm) > 0
                read.add(path.name)
    assert {"MR_small_bigendian.dcm", "example4d.nii.gz", "functional.nii", "anatomical.nii"} <= read
    pictures = sorted((real_data / "cardiac").rglob("*.png"))[::200]
    assert pictures and {read_stack([path]).frames.shape for path in pictures} == {(1, 1, 256, 256)}
