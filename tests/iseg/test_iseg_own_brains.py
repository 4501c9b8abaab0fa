"""A user's own T1 and T2: their maps, table and page are right in any orientation, and no person is named anywhere."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
import torch

from browser import check_page
from iseg.data.conversion import FILE_LABELS
from iseg.learning import prediction
from iseg_dataset import save_analyze
from own_pairs import AFFINE, SHAPE, brain, predict, save_pair, untrained
from persons import FOLDER, written_with_a_name
from reprise.data.nifti import read_volume
from reprise.models.weights import save_model
from reprise.step.errors import InputError
from reprise.step.files import file_sha256

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("weights"))


def expected(weights: list[Path], t1: np.ndarray, t2: np.ndarray) -> np.ndarray:
    """Labels as they stand in files, of arrays as a network sees them."""
    networks = [prediction.load_tissue_network(path, CPU) for path in weights]
    return np.array(FILE_LABELS)[prediction.tissue_labels(networks, t1, t2, CPU)]


def test_maps_and_volumes_are_those_of_the_brain_in_any_orientation(tmp_path: Path, weights: Path) -> None:
    save_pair(tmp_path / "in", "sub-1_T1w", 1)
    save_pair(tmp_path / "in", "sub-1_turned_T1w", 1, "PIL", ".nii")
    second = untrained(tmp_path, seed=1)
    table = predict(tmp_path / "in", [weights, second], tmp_path)
    assert list(table["orientation"]) == ["RAS", "PIL"] and list(table["t2"]) == ["sub-1_T2w", "sub-1_turned_T2w"]
    truth = expected([weights, second], *brain(1).values())
    voxel_ml = (2 * 3 + 0.1 * 0.1) * 1.5 / 1000
    counts = {f"{name}_ml": np.count_nonzero(truth == FILE_LABELS[k]) for k, name in enumerate(("csf", "gm", "wm"), 1)}
    counts["brain_ml"] = np.count_nonzero(truth)
    assert len(np.unique(truth)) > 1
    for case, row in table.iterrows():
        for name, count in counts.items():
            assert row[name] == pytest.approx(count * voxel_ml, abs=1e-4), (case, name)
        mask = nibabel.load(tmp_path / f"predictions/tissues/{case}.nii.gz")
        scan = nibabel.load(next((tmp_path / "in").glob(f"{case}.*")))
        assert mask.shape == scan.shape and (mask.affine == scan.affine).all()
        assert np.array_equal(read_volume(tmp_path / f"predictions/tissues/{case}.nii.gz").voxels, truth)
    check_page(tmp_path / "predictions" / "index.html")
    findings = pd.read_csv(tmp_path / "findings.csv")
    assert (
        list(findings["finding"]) == ["voxels of 2 x 3 x 1.5 mm; the networks learnt from voxels of 1 x 1 x 1 mm"] * 2
    )


@pytest.mark.parametrize("stated", [False, True])
def test_a_pair_of_analyze_files_is_seen_as_the_network_has_learnt(tmp_path: Path, stated: bool) -> None:
    weights = untrained(tmp_path, stated=stated)
    stored = brain(2)
    for which, voxels in stored.items():
        save_analyze(tmp_path / "in" / f"subject-11-{which}.img", voxels[..., None], ">")
    table = predict(tmp_path / "in", [weights], tmp_path)
    seen = [voxels[::-1] if stated else voxels for voxels in stored.values()]  # the reader takes them as LAS
    truth = expected([weights], *seen)
    mask = nibabel.load(tmp_path / "predictions/tissues/subject-11-T1.hdr")
    assert mask.shape == (*SHAPE, 1) and isinstance(mask, nibabel.Spm2AnalyzeImage)
    assert np.array_equal(np.squeeze(mask.dataobj), truth[::-1] if stated else truth)
    assert table.loc["subject-11-T1", "voxel_mm3"] == 3
    assert not list((tmp_path / "predictions/tissues").glob("*.nii*"))


@pytest.mark.parametrize("origin", [(3, 20, 11), (0, 0, 0)])
def test_a_map_of_an_analyze_file_has_its_origin_and_no_other_of_its_text(
    tmp_path: Path, origin: tuple[int, ...]
) -> None:
    for which, voxels in brain(2).items():
        save_analyze(tmp_path / f"in/a_{which}.img", voxels, ">")
        header = tmp_path / f"in/a_{which}.hdr"
        block = bytearray(header.read_bytes())
        block[253:273] = np.array([*origin, 7, 7], ">i2").tobytes() + b"Roe^Richar"
        header.write_bytes(block)
    predict(tmp_path / "in", [untrained(tmp_path, stated=False)], tmp_path)
    scan, mask = (nibabel.load(tmp_path / name) for name in ("in/a_T1.hdr", "predictions/tissues/a_T1.hdr"))
    assert np.allclose(mask.affine, scan.affine)
    assert mask.header["origin"].tolist() == [*origin, 0, 0] and b"Roe" not in mask.header.binaryblock


def test_a_name_of_a_person_is_in_no_file_but_the_key(
    tmp_path: Path, weights: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source, results = tmp_path / "in" / FOLDER, tmp_path / "results"
    results.mkdir()
    save_pair(source, "Li_Ng_T1", 1)
    save_pair(source, "12Mar1954-T1", 2)
    (source / "12Mar1954-T2.nii.gz").write_bytes(gzip.compress(b"x" * 400)[:-5])
    shutil.copy(source / "Li_Ng_T1.nii.gz", source / "Roe^Richard_T1.nii.gz")
    (source / "MRN-20071231.pdf").write_text("Roe^Richard")
    table = predict(tmp_path / "in", [weights], results, keep_names=False)
    assert list(table.index) == [f"case-{file_sha256(source / 'Li_Ng_T1.nii.gz')[:12]}"]
    for number, text in enumerate(capfd.readouterr()):
        (results / f"{number}.log").write_text(text)
    assert written_with_a_name(results) == []
    key = pd.read_csv(results / "key.csv").set_index("case")["file"]
    assert {*table["t2"]} <= {*key.index}


def test_what_cannot_be_segmented_is_a_finding_each(tmp_path: Path, weights: Path) -> None:
    source, t1 = tmp_path / "in", brain(3)["T1"]
    save_pair(source, "good_T1", 1)
    save_pair(source / "copy", "T1", 1)
    save_pair(source, "alone_T1", 4)
    (source / "alone_T2.nii.gz").unlink()
    for name, voxels in {
        "skull": t1 + 5,
        "flat": np.full(SHAPE, 7, np.int16),
        "mask": np.where(t1 > 500, 2, 0).astype(np.int16),
        "labels": np.where(t1 > 500, 2, t1 > 0).astype(np.int16),
        "hole": np.where(np.arange(t1.size).reshape(SHAPE) == t1.argmax(), np.nan, t1),
        "other": np.roll(t1, 8, axis=0),
        "short": t1[1:],
    }.items():
        save_pair(source, f"{name}_T1", 5 + len(name))
        nibabel.save(nibabel.Nifti1Image(voxels, AFFINE), source / f"{name}_T2.nii.gz")
    for name in ("labels.nii.gz", "notes.txt", "T10.nii"):
        (source / name).write_bytes(b"x")
    table = predict(source, [weights], tmp_path)
    assert len(table) == 1
    findings = pd.read_csv(tmp_path / "findings.csv")
    left = findings.query("severity == 'excluded'").set_index("file")["finding"]
    for name, message in {
        "alone_T1": "by its name a T1; there is no T2 of the same name beside it",
        "skull_T2": "expected a brain without its skull, with 0 around it; found 0.0% of 0",
        "flat_T2": "every voxel has the same value",
        "mask_T2": "every voxel that is not 0 has the same value",
        "labels_T2": "by its content a mask or a map of labels: 3 different values",
        "hole_T2": "1 voxels are NaN or infinite",
        "other_T1": "T1 and T2 do not show one brain without its skull: found a Dice of 0.",
        "short_T1": "T1 and T2 do not lie on one grid: T2 has shape 19x26x18, not 20x26x18",
    }.items():
        assert left.pop(name).startswith(message), name
    assert list(left) == ["the same content as another pair"]
    notes = findings.query("severity == 'note'")["finding"]
    assert "not read: no NIfTI or Analyze files with T1 or T2 in their names" in [*notes]


@pytest.mark.parametrize("packed", [False, True])
def test_voxels_in_another_shape_than_stated_are_left_out(tmp_path: Path, weights: Path, packed: bool) -> None:
    def pair(name: str, change: Callable[[np.ndarray], np.ndarray], more: bytes = b"") -> None:
        for which, voxels in brain(len(name)).items():
            body = tmp_path / f"in/{name}_{which}.img"
            save_analyze(body, change(voxels))
            body.write_bytes(voxels.tobytes(order="F") + more)
            for half in (body, body.with_suffix(".hdr")) if packed else ():
                half.with_suffix(f"{half.suffix}.gz").write_bytes(gzip.compress(half.read_bytes()))
                half.unlink()

    pair("good", lambda voxels: voxels)
    pair("Roe^Richard", lambda voxels: voxels[:, 1:])
    pair("twice", lambda voxels: voxels, bytes(2 * int(np.prod(SHAPE))))
    table = predict(tmp_path / "in", [untrained(tmp_path, stated=False)], tmp_path, keep_names=False)
    assert len(table) == 1
    left = pd.read_csv(tmp_path / "findings.csv").query("severity == 'excluded'")["finding"]
    told = "its .img file goes on for {} bytes behind the voxels that its header states"
    count = 2 * int(np.prod(SHAPE))
    assert sorted(left) == sorted([told.format(count // SHAPE[1])] * 2 + [told.format(count)] * 2)


def test_a_point_in_time_is_no_image(tmp_path: Path, weights: Path) -> None:
    save_pair(tmp_path / "in", "sub-1_ses-t2_T1w", 1)
    assert list(predict(tmp_path / "in", [weights], tmp_path)["t2"]) == ["sub-1_ses-t2_T2w"]


def test_pairs_that_share_an_image_are_told(tmp_path: Path, weights: Path) -> None:
    for place, number in (("a", 1), ("b", 1), ("c", 2)):
        save_pair(tmp_path / "in" / place, "T1", number)
    shutil.copy(tmp_path / "in/c/T1.nii.gz", tmp_path / "in/c/T2.nii.gz")
    nibabel.save(nibabel.Nifti1Image(brain(1)["T2"] * 2, AFFINE), tmp_path / "in/b/T2.nii.gz")
    table = predict(tmp_path / "in", [weights], tmp_path, keep_names=False)
    assert len(table) == 1 and len(list((tmp_path / "predictions/tissues").iterdir())) == 1
    left = pd.read_csv(tmp_path / "findings.csv").query("severity == 'excluded'")["finding"]
    assert {*left} == {"T1 and T2 have the same voxels", "another pair has the same T1, with another T2"}


def test_nothing_usable_is_one_message_and_leaves_nothing(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a_T1.nii").write_bytes(b"x" * 400)
    with pytest.raises(
        InputError, match=r"no T1 and T2 of a brain in the folder can be read; .*\n  a_T1: by its name a T1"
    ):
        predict(tmp_path / "in", [weights], tmp_path)
    assert not (tmp_path / "predictions").exists() and not (tmp_path / "findings.csv").exists()


def test_weights_without_what_prediction_needs_are_named(tmp_path: Path) -> None:
    save_pair(tmp_path / "in", "T1", 1)
    bare = {"kind": "tissues", "network": "unet3d", "width": 0.25, "normalisation": "brain"}
    settings = {"crop": [16, 16, 32], "precision": "fp32"}
    save_model(tmp_path / "bare.safetensors", torch.nn.Linear(1, 1), bare | {"settings": settings})
    odd = bare | {"settings": settings, "axes_stated": 1, "spacing_mm": [1, 1, 0]}
    save_model(tmp_path / "odd.safetensors", torch.nn.Linear(1, 1), odd)
    for name in ("bare", "odd"):
        with pytest.raises(InputError, match="not weights of this pipeline: no axes_stated, spacing_mm in its header"):
            predict(tmp_path / "in", [tmp_path / f"{name}.safetensors"], tmp_path)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"crop": [16, 32, 16]}, r"expected the crop \[16, 16, 32\], as in .*-0.safetensors, found \[16, 32, 16\]"),
        ({"overlap": 0.25}, r"expected an overlap of 0.5, as in .*-0.safetensors, found 0.25"),
        ({"stated": False}, r"expected axes_stated True, as in .*-0.safetensors, found False"),
    ],
)
def test_networks_that_see_other_windows_or_axes_are_not_mixed(
    tmp_path: Path, weights: Path, changes: dict, line: str
) -> None:
    save_pair(tmp_path / "in", "T1", 1)
    with pytest.raises(InputError, match=line):
        predict(tmp_path / "in", [weights, untrained(tmp_path, seed=1, **changes)], tmp_path)
    assert not (tmp_path / "predictions").exists()


def test_a_killed_run_goes_on_and_a_changed_file_is_segmented_again(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, segment = [], prediction.tissue_labels
    monkeypatch.setattr(prediction, "tissue_labels", lambda *args: asked.append(args[1].shape) or segment(*args))
    for number in range(2):
        save_pair(tmp_path / "in", f"{number}_T1", number)
    before = predict(tmp_path / "in", [weights], tmp_path)
    shutil.rmtree(tmp_path / "predictions")
    save_pair(tmp_path / "in", "1_T1", 7)
    after = predict(tmp_path / "in", [weights], tmp_path)
    assert len(asked) == 3 and after.loc["0_T1"].equals(before.loc["0_T1"])
    assert after.loc["1_T1", "sha256"] != before.loc["1_T1", "sha256"]
