"""Multiple-sclerosis scans in every layout, from the folder to the store; and what is wrong, all in one message."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pytest

from ms_dataset import AFFINE, SHAPE, WRITERS, image, lesion, save, write_isbi, write_open_ms, write_tree
from mslesion.data.conversion import convert_dataset, write_scan_mask
from mslesion.data.raw_scans import check_dataset
from mslesion.data.scan_volume import from_slices, to_slices
from reprise.data.store import Store, open_store, slices_of
from reprise.step.errors import InputError

CASES = {
    "ISBI 2015": ["training01_01", "training01_02", "training02_01"],
    "open_ms_data": ["patient02", "patient10"],
    "MSLesSeg": ["P2_T1", "P2_T2", "P10_T1", "P54"],
    "image tree": ["P1_T1", "P1_T2", "P2_T1"],
}
FLAIR = "training/training01/preprocessed/training01_02_flair_pp.nii"
MASK = "training/training01/masks/training01_02_mask1.nii"


def converted(root: Path, folder: Path) -> Store:
    checked = check_dataset(root)
    convert_dataset(root, checked.manifest, checked.cases, folder)
    return open_store(folder)


def problems(root: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        check_dataset(root)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


@pytest.mark.parametrize("layout", WRITERS)
def test_each_layout_is_recognised_and_stored(tmp_path: Path, layout: str) -> None:
    root = WRITERS[layout](tmp_path / "raw")
    (root / "readme.txt").write_text("not an image")
    checked = check_dataset(root)
    assert list(checked.cases["case"]) == CASES[layout]
    assert f"read as {layout}" in checked.findings["finding"].iloc[-1]
    assert set(checked.findings["severity"]) == {"note"}
    left_out = checked.findings["finding"].str.contains("image files that are not of")
    assert not left_out.any() and ("t1ks" in set(checked.manifest["content"])) == (layout == "open_ms_data")
    store = converted(root, tmp_path / "store")
    raters = 2 if layout == "ISBI 2015" else 1
    assert list(store.arrays) == ["flair", "headers", *(f"mask{rater + 1}" for rater in range(raters))]
    assert store.arrays["headers"].shape == (len(store.cases), 540)
    for number, case in enumerate(store.cases.to_dict("records")):
        flair, mask = (slices_of(store.arrays[name], case) for name in ("flair", "mask1"))
        assert mask.sum() == case["lesion_voxels_1"]
        if layout == "image tree":
            assert [int(slices[-1, -1]) for slices in flair] == list(range(8, 11 + number))
            np.testing.assert_array_equal(mask.sum((1, 2)), [0, 6, *[0] * (number + 1)])
            assert case["fold"] == (2 if case["patient"] == "P2" else 1)
        else:
            np.testing.assert_array_equal(from_slices(flair), image(number))
            np.testing.assert_array_equal(from_slices(mask), lesion(number))
            assert (case["column_mm"], case["row_mm"], case["slice_mm"], case["fold"]) == (1, 1, 3, 0)
    sizes = store.cases["slices"] * store.cases["height"] * store.cases["width"]
    assert store.arrays["flair"].shape == (sizes.sum(),)
    assert str(store.arrays["flair"].dtype) == ("uint8" if layout == "image tree" else "int16")


def test_slices_show_the_front_at_the_top_and_the_right_on_the_left() -> None:
    voxels = np.zeros(SHAPE)
    voxels[-1, -1, -1] = 1  # right, front, top
    assert to_slices(voxels)[-1, 0, 0] == 1 and to_slices(voxels).shape == SHAPE[::-1]
    np.testing.assert_array_equal(from_slices(to_slices(image(1))), image(1))


def test_a_prediction_goes_back_on_the_grid_of_its_scan(tmp_path: Path) -> None:
    root = write_isbi(tmp_path / "raw")
    store = converted(root, tmp_path / "store")
    predicted = slices_of(store.arrays["mask2"], store.cases.iloc[1])
    write_scan_mask(tmp_path / "mask.nii.gz", predicted, store.arrays["headers"][1])
    written, there = nibabel.load(tmp_path / "mask.nii.gz"), nibabel.load(root / MASK.replace("mask1", "mask2"))
    np.testing.assert_array_equal(np.asanyarray(written.dataobj), np.asanyarray(there.dataobj))
    np.testing.assert_array_equal(written.affine, AFFINE)


@pytest.mark.parametrize(
    ("voxels", "dtype"),
    [
        (image(1), "int16"),
        (image(1).astype(np.float32), "int16"),
        (image(1) % 200, "uint8"),
        (image(1) + 0.5, "float32"),
        (image(1).astype(np.int32) + 40000, "float32"),
        (image(1) - 300, "int16"),
    ],
)
def test_the_store_keeps_every_value_in_the_smallest_type(tmp_path: Path, voxels: np.ndarray, dtype: str) -> None:
    root = write_open_ms(tmp_path / "raw")
    for patient in ("patient02", "patient10"):
        save(root / patient / "FLAIR_N4_brain.nii.gz", voxels)
    store = converted(root, tmp_path / "store")
    assert str(store.arrays["flair"].dtype) == dtype
    np.testing.assert_array_equal(from_slices(slices_of(store.arrays["flair"], store.cases.iloc[1])), voxels)


def break_affine(root: Path) -> None:
    moved = AFFINE.copy()
    moved[2, 3] += 1
    save(root / MASK, lesion(1), moved)


def rename(root: Path) -> None:
    (root / FLAIR).rename((root / FLAIR).with_name("flair.nii"))


def cut(root: Path) -> None:
    (root / FLAIR).write_bytes((root / FLAIR).read_bytes()[:-2])


BROKEN: dict[str, Callable[[Path], object]] = {
    f"{MASK}: expected the grid of {FLAIR}, found affine, 1 mm apart at a corner": break_affine,
    f"{MASK}: expected the grid of {FLAIR}, found shape 6x7x4, not 6x7x5": lambda root: save(
        root / MASK, lesion(1)[:, :, 1:]
    ),
    f"{MASK}: expected a mask of 0 and one other, positive value, found 0, 1, 2": lambda root: save(
        root / MASK, lesion(1) + (image(1) == 0).astype(np.uint8) * 2
    ),
    f"{MASK}: expected a mask of 0 and one other, positive value, found 0, -1": lambda root: save(
        root / MASK, -lesion(1).astype(np.int16)
    ),
    f"{FLAIR}: 1 voxels are NaN or infinite": lambda root: save(
        root / FLAIR, np.where(image(1) == 0, np.nan, 1.0).astype(np.float32)
    ),
    f"{FLAIR}: values up to 1e+39, which no 32-bit number holds": lambda root: save(
        root / FLAIR, image(1) * 1e39 / 627
    ),
    f"{FLAIR}: every voxel has the same value": lambda root: save(root / FLAIR, np.full(SHAPE, 7, np.int16)),
    f"{FLAIR}: expected one volume with 3 axes, found 6x7x5x2, a film or a series": lambda root: save(
        root / FLAIR, np.stack([image(1)] * 2, -1)
    ),
    f"{FLAIR}: truncated (expected 772 bytes, found 770)": cut,
    "training01_02: expected a FLAIR beside training/training01/masks/training01_02_mask1.nii, found none": rename,
    "training01_02: expected masks of as many raters as training01_01 has": lambda root: (
        root / MASK.replace("mask1", "mask2")
    ).unlink(),
    f"{FLAIR}.gz: the same content as {FLAIR}; one of them is too many": lambda root: save(
        root / f"{FLAIR}.gz", image(1)
    ),
}


@pytest.mark.parametrize("message", BROKEN)
def test_what_cannot_be_used_is_one_line(tmp_path: Path, message: str) -> None:
    root = write_isbi(tmp_path / "raw")
    BROKEN[message](root)
    assert problems(root) == [message]


def test_everything_wrong_comes_in_one_message(tmp_path: Path) -> None:
    root = write_isbi(tmp_path / "raw")
    cut(root)
    break_affine(root)
    save(root / MASK.replace("01_02", "01_01"), lesion(1) + (image(1) == 0).astype(np.uint8) * 2)
    assert len(problems(root)) == 2  # nothing can be compared with a FLAIR that is not readable


def test_what_is_unusual_is_noted(tmp_path: Path) -> None:
    root = write_isbi(tmp_path / "raw")
    save(root / MASK, np.zeros(SHAPE, np.uint8))
    second = root / MASK.replace("mask1", "mask2")
    turned = nibabel.load(second, mmap=False).as_reoriented(np.array([[1, 1], [0, -1], [2, 1]]))
    nibabel.save(turned, second)
    save(root / MASK.replace("_02_", "_01_"), lesion(0) * 255)
    save(root / "training" / "training01" / "orig" / "training01_01_flair.nii.gz", image(0))
    checked = check_dataset(root)
    assert [row[1:] for row in checked.findings.itertuples(index=False)][:3] == [
        ("training/training01/orig", "", "1 image files that are not of ISBI 2015's, so not read"),
        (MASK, "", "no voxel is lesion"),
        (MASK.replace("mask1", "mask2"), "", "stored as PLS, the FLAIR as LAS"),
    ]
    store = converted(root, tmp_path / "store")
    assert list(store.cases["lesion_voxels_1"]) == [6, 0, 18]
    np.testing.assert_array_equal(from_slices(slices_of(store.arrays["mask2"], store.cases.iloc[1])), lesion(2))
    assert store.arrays["mask1"].max() == 1


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda root: root.mkdir(), "found nothing"),
        (lambda root: root.touch(), "no such folder"),
        (lambda root: save(root / "scan.nii", image(0)), "found scan.nii"),
        (lambda root: write_open_ms(write_isbi(root)), "found files of ISBI 2015 and open_ms_data"),
    ],
)
def test_an_unclear_folder_is_one_line(tmp_path: Path, write: Callable[[Path], object], message: str) -> None:
    write(tmp_path / "raw")
    with pytest.raises(InputError) as caught:
        check_dataset(tmp_path / "raw")
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    write_isbi(tmp_path / "elsewhere")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "data").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "raw")
    assert list(check_dataset(tmp_path / "raw").cases["case"]) == CASES["ISBI 2015"]


def test_slices_of_the_image_tree_are_read_as_published(tmp_path: Path) -> None:
    picture = np.arange(80, dtype=np.uint8).reshape(10, 8)
    soft = np.zeros((10, 8), np.uint8)
    soft[3, 2:6] = 40, 50, 51, 250  # a fifth of the highest is not yet lesion
    for folder in (tmp_path / "train", tmp_path / "trainannot"):
        (folder / "P1_T1").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "train/P1_T1/flair_pp_1.png"), cv2.merge([picture] * 3))
    cv2.imwrite(str(tmp_path / "trainannot/P1_T1/mask1_1.png"), soft)
    store = converted(tmp_path, tmp_path / "store")
    np.testing.assert_array_equal(slices_of(store.arrays["flair"], store.cases.iloc[0])[0], picture)
    np.testing.assert_array_equal(
        np.argwhere(slices_of(store.arrays["mask1"], store.cases.iloc[0])), [[0, 3, 4], [0, 3, 5]]
    )
    for wrong in (cv2.merge([picture, picture, soft]), picture.astype(np.uint16)):
        cv2.imwrite(str(tmp_path / "train/P1_T1/flair_pp_1.png"), wrong)
        assert problems(tmp_path) == ["train/P1_T1/flair_pp_1.png: expected a grey image of 8 bits"]


def turn_into_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "training_P1_T2_flair_pp_8.png").write_bytes(b"no"), "no readable image"),
        (lambda folder: (folder / "training_P1_T2_flair_pp_8.png").write_bytes(b""), "8.png: empty"),
        (lambda folder: turn_into_pipe(folder / "training_P1_T2_flair_pp_8.png"), "8.png: not a regular file"),
        (shutil.rmtree, "P1_T2: expected slices *flair_pp*.png, each with its mask"),
        (
            lambda folder: shutil.copy(
                folder.parents[1] / "train1annot/P2_T1/training_P2_T1_mask1_8.png", folder / "9_flair_pp.png"
            ),
            "P1_T2: expected slices *flair_pp*.png, each with its mask *mask1*.png; 1 slices have none",
        ),
    ],
)
def test_a_damaged_image_tree_is_refused(tmp_path: Path, change: Callable[[Path], object], message: str) -> None:
    root = write_tree(tmp_path / "raw")
    for folder in ("train2", "val1"):
        change(root / folder / "P1_T2")
    assert any(message in line for line in problems(root))


def test_a_file_changed_since_the_check_is_noticed(tmp_path: Path) -> None:
    raw = write_isbi(tmp_path / "raw")
    checked = check_dataset(raw)
    save(raw / MASK, lesion(0))
    with pytest.raises(InputError, match=r"mask1\.nii: changed since the check"):
        convert_dataset(raw, checked.manifest, checked.cases, tmp_path / "store")
    assert not (tmp_path / "store").exists()
