"""ACDC from the folder to the store: every number of every file is where it belongs."""

import gzip
import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from acdc.data.conversion import cine_of, convert_dataset, read_checked, slices_of, structures_of, write_labels
from acdc.data.raw_patients import check_dataset
from acdc.data.short_axis import from_slices, header_orientation, slice_spacing, to_slices
from acdc_dataset import AFFINE, drawn, save, small_store, write_acdc
from reprise.data.nifti import read_volume
from reprise.data.store import Store, open_store
from test_nifti import ORIENTATIONS

CASES = [f"patient{number:03}-{phase}" for number in (2, 10, 101) for phase in ("ED", "ES")]
FRAMES = [1, 3, 4, 2, 1, 2]


def converted(root: Path, out: Path) -> Store:
    """The store, by way of the tables that the steps give each other."""
    out.mkdir(exist_ok=True)
    for name, table in check_dataset(root)._asdict().items():
        table.to_csv(out / f"{name}.csv", index=False)
    convert_dataset(root, *read_checked(out / "manifest.csv", out / "cases.csv"), out / "store")
    return open_store(out / "store")


def findings(root: Path) -> list[tuple[str, str, str]]:
    """Severity, file and finding of each finding but the one about citations."""
    table = check_dataset(root).findings
    rows = table[table["file"] != "MANDATORY_CITATION.md"]
    return list(rows[["severity", "file", "finding"]].itertuples(index=False, name=None))


def as_viewed(path: Path) -> np.ndarray:
    """Slices (..., H, W) of a file whose axes run to the left, the back and the top: rows to the back, columns left."""
    return np.asanyarray(nibabel.load(path).dataobj).T


def test_every_voxel_of_every_file_is_in_the_store(tmp_path: Path) -> None:
    root = write_acdc(tmp_path / "raw")
    store = converted(root, tmp_path)
    cases = store.cases.to_dict("records")
    assert [case["case"] for case in cases] == CASES and [case["frame"] for case in cases] == FRAMES
    assert [case["official"] for case in cases] == ["training"] * 4 + ["testing"] * 2
    assert list(store.cases["group"]) == ["DCM", "DCM", "NOR", "NOR", "MINF", "MINF"]
    assert {name: str(array.dtype) for name, array in store.arrays.items()} == {
        "image": "int16", "labels": "uint8", "cine": "int16", "headers": "uint8"
    }  # fmt: skip
    for case in cases:
        folder = root / case["official"] / case["patient"]
        frame = f"{case['patient']}_frame{case['frame']:02}"
        np.testing.assert_array_equal(slices_of(store.arrays["image"], case), as_viewed(folder / f"{frame}.nii.gz"))
        np.testing.assert_array_equal(slices_of(store.arrays["labels"], case), as_viewed(folder / f"{frame}_gt.nii.gz"))
        cine = cine_of(store.arrays["cine"], case)
        np.testing.assert_array_equal(cine, as_viewed(folder / f"{case['patient']}_4d.nii.gz"))
        np.testing.assert_array_equal(cine[case["frame"] - 1], slices_of(store.arrays["image"], case))
        assert [case[f"{name}_voxels"] for name in ("rv", "myo", "lv")] == [
            int((drawn(case["frame"]) == label).sum()) for label in (1, 2, 3)
        ]
        assert (case["slice_mm"], case["row_mm"], case["column_mm"], case["orientation"]) == (8, 1.25, 1.5, "LPS")
    assert structures_of(store.cases) == ["rv", "myo", "lv"]
    assert sum(array.size for array in store.arrays.values()) == 6 * (2 * 210 + 540) + 3 * 4 * 210


def test_labels_go_back_on_the_grid_of_their_frame(tmp_path: Path) -> None:
    root = write_acdc(tmp_path / "raw")
    store = converted(root, tmp_path)
    write_labels(tmp_path / "labels.nii.gz", slices_of(store.arrays["labels"], store.cases.iloc[2]),
                 store.arrays["headers"][2])  # fmt: skip
    written, there = (nibabel.load(path) for path in (
        tmp_path / "labels.nii.gz", root / "training/patient010/patient010_frame04_gt.nii.gz"))  # fmt: skip
    np.testing.assert_array_equal(np.asanyarray(written.dataobj), np.asanyarray(there.dataobj))
    np.testing.assert_array_equal(written.affine, there.affine)


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_slices_are_those_of_the_file_in_its_order_and_seen_as_radiologists_do(tmp_path: Path, codes: str) -> None:
    voxels = np.random.default_rng(0).permutation(4 * 5 * 6).reshape(4, 5, 6).astype(np.int16)
    to_stored = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes))
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    stored = nibabel.Nifti1Image(voxels, affine).as_reoriented(to_stored)
    nibabel.save(stored, tmp_path / "stack.nii.gz")
    volume = read_volume(tmp_path / "stack.nii.gz")
    slices = to_slices(volume.voxels, volume.orientation)
    data = np.asanyarray(stored.dataobj)
    for number in range(data.shape[2]):
        assert set(slices[number].ravel()) == set(data[..., number].ravel())
    np.testing.assert_array_equal(from_slices(slices, volume.orientation), volume.voxels)
    assert header_orientation(volume.header) == volume.orientation == "".join(codes)
    # where each voxel lies in the patient, (right, front, top)
    places = {int(voxels[index]): np.array(index) for index in np.ndindex(voxels.shape)}
    first, below, beside = (places[int(slices[index])] for index in ((0, 0, 0), (0, 1, 0), (0, 0, 1)))
    assert (below - first).tolist() in ([0, -1, 0], [0, 0, -1])
    assert (beside - first).tolist() in ([-1, 0, 0], [0, -1, 0])
    through = np.abs(places[int(slices[1, 0, 0])] - first)
    sizes = [float(np.abs(step) @ (2, 3, 4)) for step in (through, below - first, beside - first)]
    assert list(slice_spacing(volume.spacing_mm, volume.orientation)) == pytest.approx(sizes)


def test_a_cine_in_another_orientation_is_stored_as_its_frames_are(tmp_path: Path) -> None:
    root = write_acdc(tmp_path / "raw")
    whole = converted(root, tmp_path)
    turned = ornt_transform(io_orientation(AFFINE), axcodes2ornt("SLA"))
    for path in root.rglob("*.nii.gz"):
        image = nibabel.load(path)
        frames = [nibabel.Nifti1Image(part, image.affine).as_reoriented(turned) for part in
                  np.moveaxis(np.atleast_3d(image.get_fdata().astype(np.int16))[..., None]
                              if image.ndim == 3 else image.get_fdata().astype(np.int16), -1, 0)]  # fmt: skip
        data = np.stack([np.asanyarray(frame.dataobj) for frame in frames], -1)
        save(path, data if image.ndim == 4 else data[..., 0], frames[0].affine)
    store = converted(root, tmp_path / "turned")
    assert set(store.cases["orientation"]) == {"SLA"} and set(store.cases["slices"]) == {7}
    case = store.cases.iloc[1]
    np.testing.assert_array_equal(cine_of(store.arrays["cine"], case)[2], slices_of(store.arrays["image"], case))
    assert sorted(store.arrays["cine"]) == sorted(whole.arrays["cine"])


def one_level_more(root: Path) -> None:
    root.rename(root.parent / "database")
    shutil.move(root.parent / "database", root / "database")


def only_training(root: Path) -> None:
    shutil.rmtree(root / "testing")
    (root / "training").rename(root.parent / "moved")
    root.rmdir()
    (root.parent / "moved").rename(root)


def without_folders(root: Path) -> None:
    for folder in ("training", "testing"):
        for patient in (root / folder).iterdir():
            patient.rename(root / patient.name)
        (root / folder).rmdir()


def folder_for_each_file(root: Path) -> None:
    for path in root.rglob("*.nii.gz"):
        moved = path.with_name(path.name.removesuffix(".gz")) / path.name.removesuffix(".gz")
        moved.parent.mkdir()
        moved.write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()


def unpacked_beside(root: Path) -> None:
    path = root / "testing/patient101/patient101_4d.nii.gz"
    path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))


def further_files(root: Path) -> None:
    (root / "README.txt").write_text("hello")
    for patient in (2, 10):
        save(root / f"training/patient{patient:03}/patient{patient:03}_seg.nii.gz", drawn(1))


ODD: dict[str, tuple[Callable[[Path], None], list[tuple[str, str, str]]]] = {
    "a level more": (one_level_more, [
        ("note", f"database/{part}", f"patients lie in database/{part}, not in training or testing")
        for part in ("testing", "training")]),
    "no folders": (without_folders, [("note", ".", "patients lie in raw, not in training or testing")]),
    "a folder for each file": (folder_for_each_file, [
        ("note", ".", "15 files lie in folders below that of their patient")]),
    "packed and unpacked": (unpacked_beside, [
        ("note", "testing/patient101/patient101_4d.nii",
         "the same as testing/patient101/patient101_4d.nii.gz, which is read")]),
    "further files": (further_files, [
        ("note", "README.txt", "1 file of this name, not of the kinds that are read"),
        ("note", "patientN_seg.nii.gz", "2 files of this name, not of the kinds that are read")]),
}  # fmt: skip


@pytest.mark.parametrize("oddity", ODD)
def test_folders_that_differ_from_the_release_are_read_and_noted(tmp_path: Path, oddity: str) -> None:
    wanted = converted(write_acdc(tmp_path / "sound"), tmp_path / "a")
    change, expected = ODD[oddity]
    root = write_acdc(tmp_path / "raw")
    change(root)
    assert sorted(findings(root)) == sorted(expected)
    store = converted(root, tmp_path / "b")
    assert store.cases.drop(columns="sha256").equals(wanted.cases.drop(columns="sha256"))
    for name in ("image", "labels", "cine"):
        np.testing.assert_array_equal(store.arrays[name], wanted.arrays[name])


def test_the_folder_of_one_part_alone_tells_its_name(tmp_path: Path) -> None:
    root = write_acdc(tmp_path / "training")
    only_training(root)
    checked = check_dataset(root)
    assert list(checked.cases["official"]) == ["training"] * 4
    assert "patients lie in training" in checked.findings["finding"].iloc[-1]


def test_a_patient_without_a_cine_or_a_group_is_stored(tmp_path: Path) -> None:
    root = write_acdc(tmp_path / "raw")
    (root / "training/patient002/patient002_4d.nii.gz").unlink()
    info = root / "training/patient010/Info.cfg"
    info.write_text("\ufeffES: 2\r\n\r\nED:4\r\nGroup:\r\nScanner: 1.5 T: yes\r\n")
    assert findings(root) == [("note", "training/patient002/Info.cfg", "patient002 has no cine (4-D file)")]
    store = converted(root, tmp_path)
    assert list(store.cases["cine_frames"]) == [0, 0, 4, 4, 4, 4] and store.cases["group"].isna().sum() == 2
    for case in store.cases.iloc[2:].to_dict("records"):
        frame = cine_of(store.arrays["cine"], case)[case["frame"] - 1]
        np.testing.assert_array_equal(frame, slices_of(store.arrays["image"], case))
    assert cine_of(store.arrays["cine"], store.cases.iloc[0]).shape == (0, 5, 7, 6)


def test_testing_patients_whose_labels_are_hidden_are_left_out(tmp_path: Path) -> None:
    root = write_acdc(tmp_path / "raw")
    for path in (root / "testing").rglob("*_gt*"):
        path.unlink()
    (found,) = findings(root)
    assert found[0] == "excluded" and "patient101 has no labels" in found[2]
    assert list(converted(root, tmp_path).cases["case"]) == CASES[:4]


def test_structures_that_are_not_there_are_noted(tmp_path: Path) -> None:
    root = write_acdc(tmp_path / "raw")
    save(root / "training/patient002/patient002_frame03_gt.nii.gz", np.where(drawn(3) == 3, 0, drawn(3)))
    assert findings(root) == [("note", "patient002-ES", "no voxel of lv")]
    for path in root.rglob("*_gt.nii.gz"):
        labels = np.asanyarray(nibabel.load(path, mmap=False).dataobj)
        save(path, np.where(labels == 3, 3, 0).astype(np.uint8))
    found = [text for _, _, text in findings(root)]
    assert found == ["no voxel of rv, myo in the whole data set, so only lv counts", "no voxel of lv"]
    assert structures_of(converted(root, tmp_path).cases) == ["lv"]


@pytest.mark.parametrize(("change", "dtype"), [
    (lambda voxels: voxels % 200, "uint8"),
    (lambda voxels: voxels.astype(np.float32), "int16"),
    (lambda voxels: voxels.astype(np.int32) + 40000, "float32"),
    (lambda voxels: voxels.astype(np.float32) / 8, "float32"),
])  # fmt: skip
def test_the_store_keeps_every_value_in_the_smallest_type(
    tmp_path: Path, change: Callable[[np.ndarray], np.ndarray], dtype: str
) -> None:
    root = write_acdc(tmp_path / "raw")
    for path in root.rglob("*.nii.gz"):
        if "_gt" not in path.name:
            save(path, change(np.asanyarray(nibabel.load(path, mmap=False).dataobj)))
    store = converted(root, tmp_path)
    assert {str(store.arrays[name].dtype) for name in ("image", "cine")} == {dtype}
    path = root / "testing/patient101/patient101_frame02.nii.gz"
    np.testing.assert_array_equal(slices_of(store.arrays["image"], store.cases.iloc[5]), as_viewed(path))


def test_frames_beside_ed_and_es_and_a_wrong_number_of_frames_are_noted(tmp_path: Path) -> None:
    root = write_acdc(tmp_path / "raw")
    folder = root / "training/patient002"
    for kind in ("", "_gt"):
        shutil.copy(folder / f"patient002_frame01{kind}.nii.gz", folder / f"patient002_frame02{kind}.nii.gz")
    (folder / "Info.cfg").write_text((folder / "Info.cfg").read_text().replace("NbFrame: 4", "NbFrame: 30"))
    assert findings(root) == [
        ("note", "training/patient002/patient002_frame02.nii.gz", "frame 2 is neither ED nor ES, so not read"),
        ("note", "training/patient002/Info.cfg", "NbFrame is 30, but the cine has 4 frames"),
    ]
    assert list(check_dataset(root).cases["case"]) == CASES


def test_the_small_store_of_other_tests_has_the_columns_of_a_real_one(tmp_path: Path) -> None:
    real = converted(write_acdc(tmp_path / "raw"), tmp_path)
    small = open_store(small_store(tmp_path / "small"))
    assert set(small.cases) == set(real.cases) and small.arrays.keys() == real.arrays.keys()
    for name, array in real.arrays.items():
        assert (array.dtype, array.ndim) == (small.arrays[name].dtype, small.arrays[name].ndim)


def test_steps_bring_a_folder_into_the_store(tmp_path: Path, run_step) -> None:
    root = write_acdc(tmp_path / "raw")
    for number in range(11, 15):
        shutil.copytree(root / "training/patient010", root / f"training/patient{number:03}")
        for path in (root / f"training/patient{number:03}").glob("patient010*"):
            voxels = np.asanyarray(nibabel.load(path, mmap=False).dataobj)
            save(
                path.with_name(path.name.replace("010", f"{number:03}")), voxels + (0 if "_gt" in path.name else number)
            )
            path.unlink()
    tables = list(itertools.chain(*[(f"--{name}", tmp_path / f"{name}.csv") for name in ("manifest", "cases")]))
    done = run_step("acdc/check.py", "--raw", root, *tables, "--findings", tmp_path / "findings.csv")
    assert done.returncode == 0, done.stderr
    assert run_step("acdc/convert.py", "--raw", root, *tables, "--store", tmp_path / "store").returncode == 0
    audit = ["--store", tmp_path / "store", "--settings", '{"validation": 3}', "--audit", tmp_path / "audit.json"]
    assert run_step("acdc/audit.py", *audit).returncode == 0
    proof = json.loads((tmp_path / "audit.json").read_text())
    assert proof["patients"] == {"train": 4, "val": 2, "test": 1} and proof["structures"] == ["rv", "myo", "lv"]
    assert proof["keys"]["patient"] == {"distinct": 7, "in_two_splits": 0}
