"""Damaged, odd and hostile folders of multiple-sclerosis scans: the right result, or one clear line and no output."""

import errno
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from ms_dataset import AFFINE, SHAPE, image, lesion, save, write_isbi, write_tree
from mslesion.data.conversion import convert_dataset, read_checked
from mslesion.data.raw_scans import check_dataset
from mslesion.data.scan_volume import from_slices
from reprise.data.nifti import read_volume
from reprise.data.store import Store, open_store, slices_of
from reprise.step.errors import InputError
from test_nifti import ORIENTATIONS, READ, REFUSED

FLAIR = "training/training01/preprocessed/training01_02_flair_pp.nii"
MASK = "training/training01/masks/training01_02_mask1.nii"
SECOND = MASK.replace("mask1", "mask2")
CASES = ["training01_01", "training01_02", "training02_01"]
ONE_OTHER = "expected a mask of 0 and one other, positive value, found"


def run_check(root: Path, out: Path) -> pd.DataFrame:
    """Do what the step does; returns the findings."""
    checked = check_dataset(root)
    out.mkdir(exist_ok=True)
    for name, table in checked._asdict().items():
        table.to_csv(out / f"{name}.csv", index=False)
    return pd.read_csv(out / "findings.csv")


def run_convert(root: Path, out: Path) -> Store:
    convert_dataset(root, *read_checked(out / "manifest.csv", out / "cases.csv"), out / "store")
    return open_store(out / "store")


def problems(root: Path, out: Path) -> list[str]:
    """What the check refuses, one line each."""
    with pytest.raises(InputError) as caught:
        run_check(root, out)
    return [line.strip() for line in str(caught.value).split("\n")[1:]]


def as_pair(path: Path, kind: type = nibabel.Nifti1Pair, ending: str = ".img") -> None:
    """Turn a file into a pair of header and voxels, big endian."""
    volume = nibabel.load(path, mmap=False)
    header = kind.header_class.from_header(volume.header).as_byteswapped(">")
    nibabel.save(kind(np.asanyarray(volume.dataobj), volume.affine, header), str(path).replace(".nii", ending))
    path.unlink()


def test_pairs_of_files_are_volumes_and_half_of_one_is_a_line(tmp_path: Path) -> None:
    root = write_isbi(tmp_path / "raw")
    as_pair(root / FLAIR)
    as_pair(root / MASK, nibabel.Nifti2Pair, ".img.gz")
    assert len(run_check(root, tmp_path / "out")) == 1
    store = run_convert(root, tmp_path / "out")
    assert list(store.cases["case"]) == CASES
    np.testing.assert_array_equal(from_slices(slices_of(store.arrays["flair"], store.cases.iloc[1])), image(1))
    np.testing.assert_array_equal(from_slices(slices_of(store.arrays["mask1"], store.cases.iloc[1])), lesion(1))
    (root / FLAIR).with_suffix(".img").unlink()
    (root / MASK).with_suffix(".hdr.gz").unlink()
    assert problems(root, tmp_path / "none") == [
        f"{Path(MASK).with_suffix('.hdr.gz')}: No such file or directory",
        f"{Path(FLAIR).with_suffix('.img')}: No such file or directory",
    ]


def test_every_orientation_gives_the_same_scan_and_mask(tmp_path: Path) -> None:
    for number, (first, second) in enumerate(pairwise([*ORIENTATIONS, ORIENTATIONS[0]])):
        folder = tmp_path / "raw" / f"patient{number:02}"
        for name, voxels, codes in (("FLAIR", image(1), first), ("GOLD_STANDARD", lesion(1), second)):
            save(folder / f"{name}_x.nii", voxels)
            turned = nibabel.load(folder / f"{name}_x.nii", mmap=False)
            turn = ornt_transform(io_orientation(turned.affine), axcodes2ornt(codes))
            nibabel.save(turned.as_reoriented(turn), folder / f"{name}_x.nii")
    run_check(tmp_path / "raw", tmp_path)
    store = run_convert(tmp_path / "raw", tmp_path)
    assert set(store.cases["orientation"]) == set(ORIENTATIONS)
    for case in store.cases.to_dict("records"):
        np.testing.assert_array_equal(from_slices(slices_of(store.arrays["flair"], case)), image(1))
        np.testing.assert_array_equal(from_slices(slices_of(store.arrays["mask1"], case)), lesion(1))


def test_every_file_of_others_is_checked_or_refused_as_it_should_be(real_data: Path, tmp_path: Path) -> None:
    for number, name in enumerate([*READ, *REFUSED]):
        there, kind = real_data / "formats" / name, "read" if name in READ else "refused"
        folder = tmp_path / kind / f"patient{number:02}"
        folder.mkdir(parents=True)
        stem, _, ending = there.name.partition(".")
        for half in {ending, ending.replace("hdr", "img"), ending.replace("img", "hdr")}:
            if (there.parent / f"{stem}.{half}").exists():
                (folder / f"FLAIR_x.{half}").write_bytes((there.parent / f"{stem}.{half}").read_bytes())
        mask, affine = np.eye(3, dtype=np.uint8)[None], np.eye(4)
        if name in READ:
            volume = read_volume(there)
            mask, affine = (volume.voxels > np.median(volume.voxels)).astype(np.uint8), volume.affine
        nibabel.save(nibabel.Nifti1Image(mask, affine), folder / "GOLD_STANDARD_x.nii")
    cases = check_dataset(tmp_path / "read").cases
    shapes = list(zip(cases["width"], cases["height"], cases["slices"], strict=True))
    assert list(zip(shapes, cases["orientation"], strict=True)) == list(READ.values())
    for line, (name, message) in zip(problems(tmp_path / "refused", tmp_path / "out"), REFUSED.items(), strict=True):
        assert "/FLAIR_x." in line and message.replace(f"{Path(name).stem}.img", "FLAIR_x.img") in line


@pytest.mark.parametrize("folder", ["a b/c'd", "ü", "/".join("abcdefgh")])
def test_any_readable_path_is_read(tmp_path: Path, folder: str) -> None:
    write_isbi(tmp_path / "raw" / folder)
    run_check(tmp_path / "raw", tmp_path / "out")
    assert list(run_convert(tmp_path / "raw", tmp_path / "out").cases["case"]) == CASES


@pytest.mark.parametrize(("name", "shown"), [("a\nb", r"a\nb"), (os.fsdecode(b"a\xff"), r"a\udcff")])
def test_a_name_that_breaks_lines_or_is_no_text_is_refused_or_left_out(tmp_path: Path, name: str, shown: str) -> None:
    root = write_isbi(tmp_path / "raw")
    save(root / name / "other.nii", image(0))
    findings = run_check(root, tmp_path / "out")
    assert findings["file"].tolist() == [shown, "."]
    shutil.rmtree(root / name)
    (root / name).mkdir()
    (root / "training" / "training02").rename(root / name / "training02")
    assert problems(root, tmp_path / "none") == [
        f"{shown}/training02/masks: expected paths of printable characters, found 2 of others",
        f"{shown}/training02/preprocessed: expected paths of printable characters, found 4 of others",
    ]
    shutil.rmtree(root / "training")
    shutil.move(root / name / "training02" / "masks" / "training02_01_mask1.nii", root / name / "x.nii")
    shutil.rmtree(root / name / "training02")
    with pytest.raises(InputError) as caught:
        run_check(root, tmp_path / "none")
    assert str(caught.value).endswith(f"found {shown}/x.nii") and "\n" not in str(caught.value)


def test_a_link_hides_no_folder_that_it_leads_to(tmp_path: Path) -> None:
    root = write_isbi(tmp_path / "raw")
    (root / "training" / "aaa").symlink_to("training01")
    (root / "training" / "loop").symlink_to("loop")
    (root / "training" / "up").symlink_to("..")
    run_check(root, tmp_path / "out")
    assert list(pd.read_csv(tmp_path / "out" / "cases.csv")["case"]) == CASES


@pytest.mark.parametrize("locked", ["lost+found", "training01", "raw"])
def test_a_folder_that_cannot_be_listed_is_passed_over_with_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked: str
) -> None:
    root, scandir = write_isbi(tmp_path / "raw"), os.scandir
    (root / "lost+found").mkdir()

    def locked_scandir(folder: Path) -> Any:
        if Path(folder).name == locked:
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", locked_scandir)
    why = "cannot be listed (Permission denied), so nothing in it is read"
    if locked == "raw":
        assert problems(root, tmp_path / "out") == [f".: {why}"]
        return
    checked = check_dataset(root)
    assert list(checked.cases["case"]) == [case for case in CASES if not case.startswith(locked)]
    place = f"training/{locked}" if locked != "lost+found" else locked
    assert ["excluded", place, "", why] in checked.findings.to_numpy().tolist()


def test_a_header_that_contradicts_itself_is_a_finding(tmp_path: Path) -> None:
    root = write_isbi(tmp_path / "raw")
    assert len(check_dataset(root).findings) == 1
    scan = nibabel.load(root / FLAIR)
    affine = scan.affine.copy()
    affine[:3, 3] += 5
    scan.set_qform(affine, 1)
    nibabel.save(nibabel.Nifti1Image(np.array(scan.dataobj), None, scan.header), root / FLAIR)
    (found,) = check_dataset(root).findings.query("file != '.'").to_numpy().tolist()
    assert found[:3] == ["note", FLAIR, ""] and "its qform contradicts its sform" in found[3]


def write_mask_of(*values: float, dtype: type = np.uint8) -> Callable[[Path], object]:
    """A change that writes a mask with one voxel of each value but the last, which all others have."""
    voxels = np.full(SHAPE, values[-1], dtype)
    voxels.flat[: len(values) - 1] = values[:-1]
    return lambda root: save(root / MASK, voxels)


def remove(*names: str) -> Callable[[Path], object]:
    return lambda root: [(root / name).unlink() for name in names]


def forget_orientation(root: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(lesion(1)[::-1], None), root / MASK)
    block = bytearray((root / MASK).read_bytes())
    block[252:256] = bytes(4)  # the codes of qform and sform
    (root / MASK).write_bytes(block)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (write_mask_of(1), f"{MASK}: {ONE_OTHER} 1"),
        (write_mask_of(2, 1), f"{MASK}: {ONE_OTHER} 1, 2"),
        (write_mask_of(1, 2, 0), f"{MASK}: {ONE_OTHER} 0, 1, 2"),
        (write_mask_of(1, 1.0000001, 0, dtype=np.float64), f"{MASK}: {ONE_OTHER} 0, 1, 1.0000001"),
        (write_mask_of(-1, 0, dtype=np.float32), f"{MASK}: {ONE_OTHER} 0, -1"),
        (write_mask_of(np.nan, 1, 0, dtype=np.float32), f"{MASK}: 1 voxels are NaN or infinite"),
        (remove(MASK), f"training01_02: expected a mask beside {SECOND}, found none"),
        (remove(MASK, SECOND), f"training01_02: expected a mask beside {FLAIR}, found none"),
        (
            remove(SECOND.replace("01_02", "01_01")),
            "training01_01: expected masks of as many raters as training01_02 has",
        ),
        (
            forget_orientation,
            f"{MASK}: expected the grid of {FLAIR}, found affine, 4.15 mm apart at a corner "
            f"({MASK} states no orientation)",
        ),
        (lambda root: (root / FLAIR).write_bytes(b""), f"{FLAIR}: empty"),
    ],
)
def test_only_what_is_wrong_is_blamed(tmp_path: Path, change: Callable[[Path], object], message: str) -> None:
    root = write_isbi(tmp_path / "raw")
    change(root)
    assert problems(root, tmp_path / "out") == [message]


@pytest.mark.parametrize(("values", "dtype"), [((255, 0), np.uint8), ((1, 0), np.float32), ((0.5, 0), np.float64)])
def test_a_mask_of_one_value_is_taken_whatever_it_is(tmp_path: Path, values: tuple, dtype: type) -> None:
    root = write_isbi(tmp_path / "raw")
    write_mask_of(*values, dtype=dtype)(root)
    run_check(root, tmp_path)
    assert list(pd.read_csv(tmp_path / "cases.csv")["lesion_voxels_1"]) == [6, 1, 18]


@pytest.mark.parametrize("dtype", ["i1", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_a_flair_of_any_number_type_is_the_same(tmp_path: Path, dtype: str) -> None:
    root = write_isbi(tmp_path / "raw")
    kept = image(1) % 100
    nibabel.save(nibabel.Nifti1Image(kept[::-1].astype(dtype), AFFINE, dtype=dtype), root / FLAIR)
    run_check(root, tmp_path)
    store = run_convert(root, tmp_path)
    np.testing.assert_array_equal(from_slices(slices_of(store.arrays["flair"], store.cases.iloc[1])), kept)


def test_a_picture_too_large_for_the_memory_is_one_line(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "raw")
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0),
        b"IDAT": zlib.compress(b"0"),
        b"IEND": b"",
    }
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts.items()
    ]
    for path in root.rglob("training_P1_T2_flair_pp_8.png"):
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    (line,) = problems(root, tmp_path / "out")
    assert "P1_T2_flair_pp_8.png: expected a slice of at most 4096 pixels a side, found 100000 x 100000" in line


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("manifest", lambda text: "", "manifest.csv: not a readable table"),
        ("manifest", lambda text: text.replace("sha256", "md5"), "manifest.csv: expected the columns"),
        ("manifest", lambda text: text[: text.index("training/training02")], "cases.csv: expected the scans of"),
        ("cases", lambda text: "", "cases.csv: not a readable table"),
        ("cases", lambda text: text[:-80], "cases.csv: line 4: .* found nothing"),
        ("cases", lambda text: text[: text.index("training02")], "cases.csv: expected the scans of"),
        ("cases", lambda text: text.replace(",6,", ",x,", 1), "cases.csv: line 2: .*: expected a whole number"),
        ("cases", None, "cases.csv: not a readable table: .*No such file"),
    ],
)
def test_damaged_tables_of_the_check_are_not_converted(tmp_path: Path, name: str, change, message: str) -> None:
    root = write_isbi(tmp_path / "raw")
    run_check(root, tmp_path)
    path = tmp_path / f"{name}.csv"
    path.write_text(change(path.read_text())) if change else path.unlink()
    with pytest.raises(InputError, match=message) as caught:
        run_convert(root, tmp_path)
    assert len(str(caught.value).splitlines()) == 1 and not (tmp_path / "store").exists()
