"""Damaged, odd and hostile folders of iSeg-2017: one clear line for each fault, and nothing half-written."""

import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from iseg.data.conversion import convert_dataset
from iseg.data.image_checks import image_problem
from iseg.data.raw_subjects import check_dataset
from iseg_dataset import LABELS, SHAPE, TESTING, TRAINING, drawn, images, save_analyze, write_iseg
from reprise.step.errors import InputError

T1, T2, LABEL = (f"{TRAINING}/subject-2-{content}.img" for content in ("T1", "T2", "label"))
HEADER = T1.replace(".img", ".hdr")
VOXELS = int(np.prod(SHAPE))
Change = Callable[[Path], object]


def problems(root: Path) -> list[str]:
    """What the check refuses, one line each."""
    with pytest.raises(InputError) as caught:
        check_dataset(root)
    return [line.strip() for line in str(caught.value).split("\n")[1:]]


def removed(name: str) -> Change:
    return lambda root: (root / name).unlink()


def written(name: str, voxels: np.ndarray) -> Change:
    return lambda root: save_analyze(root / name, voxels)


def length(name: str, change: Callable[[bytes], bytes]) -> Change:
    return lambda root: (root / name).write_bytes(change((root / name).read_bytes()))


def copied(name: str, other: str) -> Change:
    """Both files of a pair, again under another name."""

    def copy(root: Path) -> None:
        (root / other).parent.mkdir(exist_ok=True)
        for half in (".hdr", ".img"):
            shutil.copy((root / name).with_suffix(half), (root / other).with_suffix(half))

    return copy


def again(name: str, other: str) -> Change:
    """The voxels of a file once more under another name, in the other byte order and another type, or packed."""

    def change(root: Path) -> None:
        voxels = np.asanyarray(nibabel.load(root / name, mmap=False).dataobj).astype(np.float32)
        if other.endswith(".img"):
            save_analyze(root / other, voxels)
        else:
            nibabel.save(nibabel.Nifti1Image(voxels[..., 0], None, nibabel.Nifti1Header()), root / other)

    return change


def at_first(voxels: np.ndarray, value: float) -> np.ndarray:
    changed = voxels.astype(np.float32 if np.isnan(value) else voxels.dtype)
    changed[3, 3, 3] = value
    return changed


def stated(name: str) -> Change:
    """The voxels of one file again, as NIfTI that states an orientation."""

    def change(root: Path) -> None:
        voxels = np.squeeze(np.asanyarray(nibabel.load(root / name, mmap=False).dataobj))
        native = voxels.astype(voxels.dtype.newbyteorder("="))
        nibabel.save(nibabel.Nifti1Image(native, np.diag([-1, 1.5, 2, 1])), (root / name).with_suffix(".nii"))
        (root / name).unlink()
        (root / name).with_suffix(".hdr").unlink()

    return change


def all_of(*changes: Change) -> Change:
    return lambda root: [change(root) for change in changes]


def packed(name: str) -> Change:
    """One half of a pair becomes a .gz file."""

    def change(root: Path) -> None:
        (root / f"{name}.gz").write_bytes(gzip.compress((root / name).read_bytes()))
        (root / name).unlink()

    return change


def shortened(name: str) -> Change:
    """Y is one too small in a header, which begins with its size and states the axes' number and lengths at 40."""

    def change(root: Path) -> None:
        block = bytearray((root / name).read_bytes())
        order = "little" if block[0] else "big"
        y = int.from_bytes(block[44:46], order)
        block[44:46] = (y - 1).to_bytes(2, order)
        (root / name).write_bytes(block)

    return change


def pipe(root: Path) -> None:
    (root / T1).unlink()
    os.mkfifo(root / T1)


RAW, RAW2 = images(2).values()
SHIFTED = np.where(RAW > 0, RAW + 1, 0).astype(np.int16)  # another T1 of the same brain
FILE_LABELS = LABELS[drawn(2)]
BROKEN: dict[str, Change] = {
    f"{T1}: No such file or directory": removed(T1),
    f"{HEADER}: No such file or directory": removed(HEADER),
    f"{T1}: not a regular file": pipe,
    f"{T1}: truncated (expected {2 * VOXELS} bytes, found {2 * VOXELS - 9})": length(T1, lambda data: data[:-9]),
    f"{T1}: goes on for 9 bytes behind the voxels that its header states": length(T1, lambda data: data + bytes(9)),
    f"{T1}: goes on for {2 * VOXELS} bytes behind the voxels that its header states": length(T1, lambda data: data * 2),
    f"{T1}.gz: goes on for {2 * VOXELS} bytes behind the voxels that its header states":
        all_of(length(T1, lambda data: data * 2), packed(T1), packed(HEADER)),
    f"{T1}.gz: goes on for {2 * VOXELS // 9} bytes behind the voxels that its header states":
        all_of(shortened(HEADER), shortened(T2.replace(".img", ".hdr")), packed(T1), packed(HEADER)),
    f"{T1}.gz: goes on for {2**20 - 1} bytes behind the voxels that its header states":
        all_of(length(T1, lambda data: data + bytes(2**20 - 1)), packed(T1), packed(HEADER)),
    f"{HEADER}.gz: not readable (damaged; gzip cannot unpack it)":
        all_of(packed(T1), packed(HEADER), length(f"{T1}.gz", lambda data: data[:-9])),
    f"{T1}: empty": length(T1, lambda data: b""),
    f"{HEADER}: no NIfTI file (a header of 348 or 540 bytes is expected at its start)":
        length(HEADER, lambda data: data[:100]),
    f"{LABEL.replace('.img', '.hdr')}: expected labels 0, 10, 150, 250, found 11":
        written(LABEL, at_first(FILE_LABELS, 11)),
    f"{T2.replace('.img', '.hdr')}: expected the grid of {HEADER}, found shape 8x9x9, not 8x9x10":
        written(T2, images(2)["T2"][..., :9]),
    f"{LABEL.replace('.img', '.hdr')}: expected the grid of {HEADER}, found shape 9x8x10, not 8x9x10":
        written(LABEL, FILE_LABELS.transpose(1, 0, 2)),
    f"{T1}: 1 voxels are NaN or infinite": written(T1, at_first(RAW, np.nan)),
    f"{HEADER}: every voxel has the same value": written(T1, np.full(SHAPE, 7, np.int16)),
    f"{HEADER}: every voxel that is not 0 has the same value": written(T1, np.where(RAW > 0, 7, 0).astype(np.int16)),
    f"{HEADER}: expected one volume with 3 axes, found 8x9x10x1x2, a film or a series":
        written(T1, np.stack([RAW, RAW], axis=-1)[..., None, :]),
    f"{HEADER}: expected a brain without its skull, with 0 around it; found 0.0% of 0": written(T1, RAW + 1),
    f"{T2.replace('.img', '.hdr')}: expected the brain of {HEADER}, without its skull; found a Dice of 0.67 of the "
    "voxels that are not 0": written(T2, np.roll(images(2)["T2"], 4, axis=0)),
    f"{LABEL.replace('.img', '.hdr')}: expected the brain of {HEADER}, without its skull; found a Dice of 0.00 of "
    "the voxels that are not 0": written(LABEL, FILE_LABELS * np.uint8(0)),
    f"{HEADER}: another T1 of subject-2 than {TRAINING}/b/subject-2-T1.hdr; one is too many":
        copied(T1, f"{TRAINING}/b/subject-2-T1.img"),
    f"{T1}.gz: another T1 of subject-2 than {HEADER}; one is too many": packed(T1),
    f"{T2.replace('.img', '.hdr')}: the same voxels as {HEADER}":
        written(T2, RAW[..., None]),
    f"{T2.replace('.img', '.hdr')}: the same voxels as {TRAINING}/subject-1-T2.hdr; one subject has one number":
        all_of(written(T1.replace("-2-", "-1-"), SHIFTED), written(LABEL.replace("-2-", "-1-"), FILE_LABELS),
        written(T2.replace("-2-", "-1-"), RAW2), written(T2, RAW2)),
    f"{HEADER.replace('-2-', '-3-')}: the same voxels as {HEADER}; one subject has one number":
        all_of(*[copied(name, name.replace("-2-", "-3-")) for name in (T1, T2, LABEL)]),
    f"{HEADER.replace('-2-', '-4-')}: the same voxels as {HEADER}; one subject has one number":
        all_of(*[again(name, name.replace("-2-", "-4-")) for name in (T1, T2, LABEL)]),
    f"{T1.replace('-2-T1.img', '-3-T1.nii.gz')}: the same voxels as {HEADER}; one subject has one number":
        all_of(*[again(name, name.replace("-2-", "-3-").replace(".img", ".nii.gz")) for name in (T1, T2, LABEL)]),
    f"{LABEL.replace('.img', '.hdr')}: the same voxels as {TRAINING}/subject-1-label.hdr; one subject has one number":
        again(LABEL.replace("-2-", "-1-"), LABEL),
    "subject-2: expected all its files in one folder, found some in that of testing and training":
        all_of(copied(T2, f"{TESTING}/subject-2-T2.img"), removed(T2), removed(T2.replace(".img", ".hdr"))),
    f"{HEADER}: expected subject-2-T2 beside it, found none": all_of(removed(T2), removed(T2.replace(".img", ".hdr"))),
    f"{HEADER}: expected subject-2-label beside it, as of a training subject":
        all_of(removed(LABEL), removed(LABEL.replace(".img", ".hdr"))),
    f"{T2.replace('.img', '.hdr')}: expected the grid of {HEADER.replace('.hdr', '.nii')}, found axes without a stated "
    "orientation, not stored as LAS": stated(T1),
    ".: expected that all files state an orientation, or none; subject-2 does, subject-1 does not":
        all_of(stated(T1), stated(T2), stated(LABEL)),
}  # fmt: skip


@pytest.mark.parametrize("expected", BROKEN)
def test_one_line_for_each_fault(tmp_path: Path, expected: str) -> None:
    root = write_iseg(tmp_path / "raw")
    BROKEN[expected](root)
    assert expected in problems(root)


def test_what_is_harmless_is_read(tmp_path: Path) -> None:
    root = write_iseg(tmp_path / "raw")
    save_analyze(root / T1, RAW[..., None, None])  # a fifth axis of length 1
    save_analyze(root / T2, at_first(images(2)["T2"], 0))
    table = check_dataset(root).findings
    told = [f"{row.file}: {row.finding}" for row in table.itertuples()]
    other = T2.replace(".img", ".hdr")
    assert f"{other}: 1 voxels are 0 here and not in {HEADER}, or the other way round" in told and len(told) == 2


@pytest.mark.filterwarnings("error")
def test_values_of_any_size_are_judged_without_a_warning() -> None:
    voxels = np.zeros(SHAPE, np.float32)
    voxels[2:5] = np.linspace(-3.4e38, 3.4e38, SHAPE[2])
    assert image_problem(voxels) == "" and "32-bit" in image_problem(voxels.astype(np.float64) * 2)
    assert (
        image_problem(np.where(voxels > 0, -128, 0).astype(np.int8)) == "every voxel that is not 0 has the same value"
    )


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    root = write_iseg(tmp_path / "raw")
    for change in (removed(T1), written(f"{TESTING}/subject-12-T2.img", RAW[1:])):
        change(root)
    assert len(problems(root)) == 2


def test_folders_without_subjects(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        check_dataset(tmp_path / "none")
    (tmp_path / "x.nii").write_bytes(b"")
    with pytest.raises(
        InputError, match=r"expected iSeg-2017-Training/subject-1-T1\.hdr and the like in it; found x\.nii"
    ):
        check_dataset(tmp_path)
    unlabelled = write_iseg(tmp_path / "raw", labelled=())
    assert problems(unlabelled) == [".: expected subjects with labels, found none"]


def test_a_file_that_changes_after_the_check_stops_the_conversion(tmp_path: Path) -> None:
    root = write_iseg(tmp_path / "raw")
    checked = check_dataset(root)
    save_analyze(root / T2, images(3)["T2"][..., None], ">")
    with pytest.raises(InputError, match=r"subject-2-T2\.img: changed since the check"):
        convert_dataset(root, checked.manifest, checked.cases, tmp_path / "store")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]
