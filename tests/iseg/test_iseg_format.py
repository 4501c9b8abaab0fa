"""iSeg-2017 on disk: what is read is what was published, in either byte order, as Analyze and as NIfTI."""

import shutil
import struct
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from iseg.data.conversion import FILE_LABELS, convert_dataset, read_checked, volume_of, write_tissues
from iseg.data.raw_subjects import check_dataset
from iseg_dataset import LABELS, SHAPE, SPACING_MM, TESTING, TRAINING, drawn, images, write_iseg
from reprise.data.store import Store, open_store
from reprise.step.errors import InputError

# The first stored axis runs to the left, the second to the top, the third to the back.
AFFINE = np.array([[-1.0, 0, 0, 0], [0, 0, -2, 0], [0, 1.5, 0, 0], [0, 0, 0, 1]])


def stored(root: Path, folder: Path) -> Store:
    """The store that becomes of a data set."""
    checked = check_dataset(root)
    for table, name in zip(checked[:2], ("manifest.csv", "cases.csv"), strict=True):
        table.to_csv(folder / name, index=False)
    convert_dataset(root, *read_checked(folder / "manifest.csv", folder / "cases.csv"), folder / "store")
    return open_store(folder / "store")


def findings(root: Path) -> list[str]:
    table = check_dataset(root).findings
    return [f"{row.file}: {row.finding}" for row in table.itertuples()]


def as_nifti(root: Path, affine: np.ndarray | None) -> None:
    """Save all pairs again as NIfTI, packed, under the same names."""
    for path in root.rglob("*.img"):
        voxels = np.squeeze(np.asanyarray(nibabel.load(path, mmap=False).dataobj))
        image = nibabel.Nifti1Image(voxels.astype(voxels.dtype.newbyteorder("=")), affine)
        nibabel.save(image, path.with_suffix(".nii.gz"))
        path.unlink()
        path.with_suffix(".hdr").unlink()


def test_the_store_holds_what_the_analyze_files_hold_as_it_lies_in_them(tmp_path: Path) -> None:
    root = write_iseg(tmp_path / "raw")
    store = stored(root, tmp_path)
    assert list(store.cases["case"]) == [f"subject-{number}" for number in (1, 2, 10, 11, 12)]
    assert list(store.cases["official"]) == ["training"] * 3 + ["testing"] * 2
    assert list(store.cases["labelled"]) == [1, 1, 1, 0, 0]
    assert store.arrays["t1"].dtype == store.arrays["t2"].dtype == np.int16
    for case in store.cases.to_dict("records"):
        raw = images(case["subject"])
        labels = drawn(case["subject"]) if case["labelled"] else np.zeros(SHAPE, np.uint8)
        for name, expected in (("t1", raw["T1"]), ("t2", raw["T2"]), ("labels", labels)):
            assert np.array_equal(volume_of(store.arrays[name], case), expected), (case["case"], name)
        assert (case["x_mm"], case["y_mm"], case["z_mm"]) == SPACING_MM
        counts = [case[f"{tissue}_voxels"] for tissue in ("csf", "gm", "wm")]
        assert counts == np.bincount(labels.ravel(), minlength=4)[1:].tolist()
    assert findings(root) == [".: no file states an orientation; the axes are taken as they lie in the files"]


def test_names_in_capitals_or_with_more_digits_are_the_same_names(tmp_path: Path) -> None:
    root = write_iseg(tmp_path / "raw")
    before = check_dataset(root)
    for number, path in enumerate(sorted(root.rglob("subject-*-T*.*"))):
        padded = path.name.replace("subject-1-", "subject-01-")
        path.rename(path.with_name(padded.upper() if number % 4 < 2 else padded.capitalize()))
    after = check_dataset(root)
    assert after.cases.equals(before.cases)
    assert list(after.manifest["sha256"]) == list(before.manifest["sha256"])


def test_nifti_of_the_same_names_is_turned_as_it_states(tmp_path: Path) -> None:
    root = write_iseg(tmp_path / "raw")
    as_nifti(root, AFFINE)
    assert findings(root) == []
    store = stored(root, tmp_path)
    case = store.cases.iloc[1]
    canonical = images(2)["T1"][::-1].transpose(0, 2, 1)[:, ::-1]
    assert np.array_equal(volume_of(store.arrays["t1"], case), canonical)
    assert (case["orientation"], case["x_mm"], case["y_mm"], case["z_mm"]) == ("LSP", 1.0, 2.0, 1.5)
    mask = volume_of(store.arrays["labels"], case)
    for name in ("mask.nii.gz", "mask.img"):
        write_tissues(tmp_path / name, mask, store.arrays["headers"][1])
        back = np.asanyarray(nibabel.load(tmp_path / name).dataobj)
        assert np.array_equal(back.reshape(SHAPE), LABELS[drawn(2)]), name
    assert np.allclose(nibabel.load(tmp_path / "mask.nii.gz").affine, AFFINE)


def test_nifti_without_an_orientation_is_taken_as_it_lies(tmp_path: Path) -> None:
    root = write_iseg(tmp_path / "raw")
    as_nifti(root, None)
    store = stored(root, tmp_path)
    assert np.array_equal(volume_of(store.arrays["t2"], store.cases.iloc[0]), images(1)["T2"])
    assert findings(root)[0].startswith(".: no file states an orientation")


@pytest.mark.parametrize("place", [0, 1, 3])
def test_tissues_come_back_as_the_challenge_takes_them(tmp_path: Path, place: int) -> None:
    store = stored(write_iseg(tmp_path / "raw"), tmp_path)
    labels = np.random.default_rng(place).integers(0, 4, SHAPE).astype(np.uint8)
    write_tissues(tmp_path / "subject-9-label.img", labels, store.arrays["headers"][place])
    image = nibabel.load(tmp_path / "subject-9-label.hdr")
    assert image.shape == (*SHAPE, 1) and image.get_data_dtype() == np.uint8
    assert image.header.get_zooms() == (*SPACING_MM, 1)
    assert np.array_equal(np.squeeze(image.dataobj), np.array(FILE_LABELS)[labels])
    assert (tmp_path / "subject-9-label.img").stat().st_size == labels.size
    with pytest.raises(InputError, match="the scan's grid is"):
        write_tissues(tmp_path / "x.img", labels[1:], store.arrays["headers"][place])


def test_a_label_file_that_is_written_is_read_again(tmp_path: Path) -> None:
    root = write_iseg(tmp_path / "raw")
    store = stored(root, tmp_path)
    for number in (11, 12):
        case = store.cases.set_index("subject").loc[number]
        at = int(np.flatnonzero(store.cases["subject"] == number)[0])
        write_tissues(root / TESTING / f"subject-{number}-label.img", drawn(number), store.arrays["headers"][at])
        assert case["labelled"] == 0
    (tmp_path / "again").mkdir()
    again = stored(root, tmp_path / "again")
    assert list(again.cases["labelled"]) == [1] * 5
    for place, number in ((3, 11), (4, 12)):
        assert np.array_equal(volume_of(again.arrays["labels"], again.cases.iloc[place]), drawn(number))
    assert f"{TESTING}/subject-11-label.hdr: labels of a testing subject; it counts as one of those with labels" in (
        findings(root)
    )


ORIGIN, SPACING = (253, "h"), (80, "f")  # where an Analyze header has them, and the type of their numbers


def set_header(path: Path, place: tuple[int, str], order: str, *numbers: float) -> None:
    """Write three numbers into an Analyze header."""
    content = bytearray(path.read_bytes())
    struct.pack_into(f"{order}3{place[1]}", content, place[0], *numbers)
    path.write_bytes(content)


def test_origins_of_analyze_files_do_not_count(tmp_path: Path) -> None:
    root = write_iseg(tmp_path / "raw")
    before = check_dataset(root).cases
    set_header(root / TRAINING / "subject-1-T2.hdr", ORIGIN, "<", 2, 3, 4)
    after = check_dataset(root)
    assert after.cases.equals(before)
    assert f"{TRAINING}/subject-1-T2.hdr: another origin than {TRAINING}/subject-1-T1.hdr; " in "\n".join(
        findings(root)
    )


def test_voxels_of_other_sizes_are_told(tmp_path: Path) -> None:
    root = write_iseg(tmp_path / "raw")
    for name in ("T1", "T2", "label"):
        set_header(root / TRAINING / f"subject-2-{name}.hdr", SPACING, ">", 1, 1.5, 3)
    assert ".: voxels differ between subjects: 1 to 1 and 1.5 to 1.5 and 2 to 3 mm along x, y and z" in "\n".join(
        findings(root)
    )
    set_header(root / TRAINING / "subject-1-T2.hdr", SPACING, "<", 1, 1.5, 3)
    line = "subject-1-T2.hdr: expected the grid of .*, found voxels of 1 x 1.5 x 3 mm, not 1 x 1.5 x 2 mm"
    with pytest.raises(InputError, match=line):
        check_dataset(root)


def test_another_layout_is_found_and_told(tmp_path: Path) -> None:
    flat = tmp_path / "brains"
    flat.mkdir()
    for path in write_iseg(tmp_path / "raw").rglob("subject*"):
        shutil.move(path, flat / path.name)
    (flat / "subject-1-T3.img").write_bytes(b"x")
    (flat / "notes.txt").write_text("x")
    told = findings(flat)
    assert list(check_dataset(flat).cases["official"]) == ["training"] * 3 + ["testing"] * 2
    assert next(line for line in told if "by its number" in line) == (
        f"subject-1: lies neither in {TRAINING} nor in {TESTING}; counted as training by its number"
    )
    assert "subject-N-TN.img: 1 file of this name, not of the kinds that are read" in told
    assert "notes.txt: 1 file of this name, not of the kinds that are read" in told


def test_damaged_tables_of_the_check_are_refused(tmp_path: Path) -> None:
    checked = check_dataset(write_iseg(tmp_path / "raw"))
    checked.manifest.to_csv(tmp_path / "manifest.csv", index=False)
    checked.cases.iloc[1:].to_csv(tmp_path / "cases.csv", index=False)
    with pytest.raises(InputError, match=r"expected the subjects of .*, in this order \(T1\)"):
        read_checked(tmp_path / "manifest.csv", tmp_path / "cases.csv")
    pd.DataFrame({"case": ["a"]}).to_csv(tmp_path / "cases.csv", index=False)
    with pytest.raises(InputError, match="expected the columns"):
        read_checked(tmp_path / "manifest.csv", tmp_path / "cases.csv")
