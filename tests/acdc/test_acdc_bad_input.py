"""Damaged, odd and hostile folders of ACDC: one clear line for each fault, and nothing half-written."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdc.data.conversion import convert_dataset, read_checked
from acdc.data.info import GROUPS, Info, read_info
from acdc.data.raw_patients import check_dataset
from acdc_dataset import AFFINE, drawn, save, write_acdc
from reprise.step.errors import InputError

FOLDER = "training/patient010"
INFO, CINE = f"{FOLDER}/Info.cfg", f"{FOLDER}/patient010_4d.nii.gz"
ED, ES = f"{FOLDER}/patient010_frame04.nii.gz", f"{FOLDER}/patient010_frame02.nii.gz"
ED_LABELS = ED.replace(".nii", "_gt.nii")


def problems(root: Path) -> list[str]:
    """What the check refuses, one line each."""
    with pytest.raises(InputError) as caught:
        check_dataset(root)
    return [line.strip() for line in str(caught.value).split("\n")[1:]]


def info(old: str, new: str) -> Callable[[Path], object]:
    return lambda root: (root / INFO).write_text((root / INFO).read_text().replace(old, new))


def voxels(
    name: str, change: Callable[[np.ndarray], np.ndarray], affine: np.ndarray = AFFINE
) -> Callable[[Path], None]:
    def change_file(root: Path) -> None:
        save(root / name, change(np.asanyarray(nibabel.load(root / name, mmap=False).dataobj)), affine)

    return change_file


def at_first(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        changed = array.astype(np.float32)
        changed.flat[0] = value
        return changed

    return change


def moved(axis: int, by_mm: float) -> np.ndarray:
    affine = AFFINE.copy()
    affine[axis, 3] += by_mm
    return affine


def cut(name: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:-30])


def pipe(root: Path) -> None:
    (root / INFO).unlink()
    os.mkfifo(root / INFO)


BROKEN: dict[str, Callable[[Path], object]] = {
    # Info.cfg
    f"{INFO}: expected the lines ED and ES, found no ES": info("ES: 2\n", ""),
    f"{INFO}: expected frames from 1 to 4, found ES 99": info("ES: 2", "ES: 99"),
    f"{INFO}: expected the file patient010_frame99.nii.gz for ES; found frames 2, 4":
        lambda root: (info("ES: 2", "ES: 99")(root), info("NbFrame: 4\n", "")(root)),
    f"{INFO}: ES: expected a whole number from 1 on, found '0'": info("ES: 2", "ES: 0"),
    f"{INFO}: ES: expected a whole number from 1 on, found '2.5'": info("ES: 2", "ES: 2.5"),
    f"{INFO}: ED: expected a whole number from 1 on, found ''": info("ED: 4", "ED:"),
    f"{INFO}: expected two frames, found ED and ES at the same, 2": info("ED: 4", "ED: 2"),
    f"{INFO}: Group: expected one of NOR, MINF, DCM, HCM, RV, or none; found 'ABC'": info("Group: NOR", "Group: ABC"),
    f"{INFO}: line 2: expected `Key: value`, found 'ES 2'": info("ES: 2", "ES 2"),
    f"{INFO}: line 3: ED stands there twice": info("Group: NOR", "ED: 1"),
    f"{INFO}: not a readable text": lambda root: (root / INFO).write_bytes(b"ED: 4\nES: 2\n\xff\xfe\x00"),
    f"{INFO}: empty": lambda root: (root / INFO).write_bytes(b""),
    f"{INFO}: expected a few lines, found 70000 bytes": lambda root: (root / INFO).write_bytes(b" " * 70_000),
    f"{INFO}: not a regular file": pipe,
    f"patient010: expected Info.cfg beside {CINE}, found none": lambda root: (root / INFO).unlink(),
    # frames and labels
    f"{INFO}: expected the file patient010_frame02.nii.gz for ES; found frames 4": lambda root: (root / ES).unlink(),
    f"{INFO}: expected the file patient010_frame04_gt.nii.gz for ED; found frames 2":
        lambda root: (root / ED_LABELS).unlink(),
    f"{ED_LABELS}: expected labels 0 to 3, found 4": voxels(ED_LABELS, at_first(4)),
    f"{ED_LABELS}: expected labels 0 to 3, found 0.5": voxels(ED_LABELS, at_first(0.5)),
    f"{ED_LABELS}: expected labels 0 to 3, found -1": voxels(ED_LABELS, at_first(-1)),
    f"{ED_LABELS}: 1 voxels are NaN or infinite": voxels(ED_LABELS, at_first(np.nan)),
    f"{ED_LABELS}: expected the grid of {ED}, found shape 6x7x4, not 6x7x5": voxels(ED_LABELS, lambda v: v[..., 1:]),
    f"{ED_LABELS}: expected the grid of {ED}, found affine, 1 mm apart at a corner":
        voxels(ED_LABELS, np.asarray, moved(0, 1)),
    f"{ED_LABELS}: truncated (expected 562 bytes, found 532)": lambda root: (
        save(root / ED_LABELS.replace(".gz", ""), drawn(1)), (root / ED_LABELS).unlink(),
        cut(ED_LABELS.replace(".gz", ""))(root),
    ),
    f"{ED}: 1 voxels are NaN or infinite": voxels(ED, at_first(np.nan)),
    f"{ED}: every voxel has the same value": voxels(ED, np.zeros_like),
    f"{ED}: not readable (damaged; gzip cannot unpack it)": lambda root: (
        (root / ED).write_bytes(b"\x1f\x8b" + bytes(99))),
    f"{ES}: expected the grid of {ED}, found shape 6x6x5, not 6x7x5": lambda root: (
        voxels(ES, lambda v: v[:, 1:])(root), voxels(ES.replace(".nii", "_gt.nii"), lambda v: v[:, 1:])(root)),
    # the cine
    f"{ES}: expected frame 2 of {CINE}, found another image": voxels(ES, lambda v: v[::-1]),
    f"{ED}: expected frame 4 of {CINE}, found another image; it is frame 3":
        voxels(CINE, lambda v: v[..., [0, 1, 3, 2]]),
    f"{CINE}: expected frames of 6x7x5, as in {ED}; found 5x7x5": voxels(CINE, lambda v: v[1:]),
    f"{INFO}: expected frames from 1 to 3, found ED 4": voxels(CINE, lambda v: v[..., :3]),
    f"{CINE}: 1 voxels are NaN or infinite": voxels(CINE, at_first(np.inf)),
    f"{CINE}: expected a cine with 4 axes and at most 1000 frames, found 6x7x5": voxels(CINE, lambda v: v[..., 0]),
    f"{CINE}: not a readable cine; a NIfTI file is expected": cut(CINE),
    f"{CINE}: empty": lambda root: (root / CINE).write_bytes(b""),
    # folders
    f"{CINE}: another file than {FOLDER}/patient010_4d.nii, but of the same patient and kind; one is too many":
        lambda root: save(root / FOLDER / "patient010_4d.nii", np.zeros((6, 7, 5, 4), np.int16)),
    "patient010: expected in one of the folders training and testing, found in testing and training":
        lambda root: (root / "testing/patient010").mkdir() or shutil.move(root / CINE, root / "testing/patient010"),
    "patient010: expected in one of the folders training and testing, found in testing and training ":
        lambda root: shutil.copytree(root / FOLDER, root / "testing/patient010"),
    "patient010: expected its files and Info.cfg in a folder patient010, found them in training/Patient 10":
        lambda root: (root / FOLDER).rename(root / "training/Patient 10"),
    "patient300: expected in one of the folders training and testing, found in neither training nor testing":
        lambda root: shutil.copytree(root / FOLDER, root / "patient300", ignore=lambda *_: [Path(ES).name]) and [
            path.rename(path.with_name(path.name.replace("010", "300"))) for path in (root / "patient300").iterdir()],
}  # fmt: skip


@pytest.mark.parametrize("message", BROKEN)
def test_what_cannot_be_used_is_one_line(tmp_path: Path, message: str) -> None:
    root = write_acdc(tmp_path / "raw")
    BROKEN[message](root)
    found = problems(root)
    assert message.rstrip() in [line.replace(".nii: truncated", ".nii.gz: truncated") for line in found]
    assert len(found) == (2 if "frame99" in message or "found 5x7x5" in message else 1)


def test_everything_wrong_comes_in_one_message(tmp_path: Path, run_step) -> None:
    root = write_acdc(tmp_path / "raw")
    save(root / ED_LABELS, drawn(1) * 2)
    (root / "training/patient002/Info.cfg").write_text("ED: 1\n")
    assert len(problems(root)) == 2
    outputs = [part for name in ("manifest", "cases", "findings") for part in (f"--{name}", tmp_path / f"{name}.csv")]
    done = run_step("acdc/check.py", "--raw", root, *outputs)
    assert done.returncode == 2 and "Traceback" not in done.stderr and "2 problems" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]


@pytest.mark.parametrize(("write", "message"), [
    (lambda root: None, "no such folder"),
    (lambda root: root.write_text("x"), "no such folder"),
    (lambda root: root.mkdir(), "expected training/patient001/Info.cfg and the like in it; found nothing"),
    (lambda root: save(root / "scan.nii", drawn(1)), "found scan.nii"),
])  # fmt: skip
def test_a_folder_without_patients_is_one_line(tmp_path: Path, write: Callable[[Path], object], message: str) -> None:
    write(tmp_path / "raw")
    with pytest.raises(InputError) as caught:
        check_dataset(tmp_path / "raw")
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_data_set_without_any_labels_is_refused(tmp_path: Path) -> None:
    root = write_acdc(tmp_path / "raw")
    shutil.rmtree(root / "training")
    for path in root.rglob("*_gt*"):
        path.unlink()
    assert problems(root) == [".: expected patients with labels, found none"]


def test_a_small_file_that_states_a_huge_cine_is_refused_before_it_is_read(tmp_path: Path) -> None:
    root = write_acdc(tmp_path / "raw")
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2, 2), np.float32), AFFINE)
    header = image.header.copy()
    header["dim"] = [4, 4000, 4000, 60, 900, 1, 1, 1]
    header["vox_offset"] = 352
    (root / CINE).unlink()
    (root / CINE.removesuffix(".gz")).write_bytes(header.binaryblock + bytes(4 + 999))
    (found,) = problems(root)
    assert found.endswith("expected at most 1024 MB of voxels, all in the file; its header states 4000x4000x60x900")


def test_a_file_changed_since_the_check_is_noticed(tmp_path: Path) -> None:
    root = write_acdc(tmp_path / "raw")
    checked = check_dataset(root)
    for name in (CINE, ED_LABELS):
        before = (root / name).read_bytes()
        voxels(name, lambda array: array[::-1])(root)
        with pytest.raises(InputError, match=r"nii\.gz: changed since the check"):
            convert_dataset(root, checked.manifest, checked.cases, tmp_path / "store")
        (root / name).write_bytes(before)
        assert [path.name for path in tmp_path.iterdir()] == ["raw"]


@pytest.mark.parametrize(("table", "old", "new", "message"), [
    ("cases", "patient010-ES", "patient010-EX", "expected the frames and cines of"),
    ("cases", "group", "groups", "expected a column group"),
    ("cases", ",LPS,", ",,", "orientation: expected a value, found nothing"),
    ("manifest", "patient101,cine", "patient111,cine", "in this order (cine)"),
])  # fmt: skip
def test_damaged_tables_of_the_check_are_one_line(tmp_path: Path, table: str, old: str, new: str, message: str) -> None:
    for name, content in check_dataset(write_acdc(tmp_path / "raw"))._asdict().items():
        content.to_csv(tmp_path / f"{name}.csv", index=False)
    path = tmp_path / f"{table}.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError) as caught:
        read_checked(tmp_path / "manifest.csv", tmp_path / "cases.csv")
    assert message in str(caught.value) and "\n" not in str(caught.value)


@given(st.permutations(range(1, 31)), st.sampled_from(("", *GROUPS)), st.sampled_from(("\n", "\r\n")), st.randoms())
def test_the_order_of_lines_and_spaces_in_info_do_not_count(tmp_path_factory, frames, group, line_end, rng) -> None:
    ed, es, *_ = frames
    lines = [f"ED:{ed}", f" ES : {es}", "Height: 184.0", "NbFrame: 30", "", *([f"Group: {group} "] if group else [])]
    rng.shuffle(lines)
    path = tmp_path_factory.getbasetemp() / "Info.cfg"
    path.write_bytes(line_end.join(lines).encode())
    assert read_info(path) == Info({"ED": ed, "ES": es}, group, 30) and list(read_info(path).frames) == ["ED", "ES"]
