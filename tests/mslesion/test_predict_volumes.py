"""A user's own FLAIR volumes: their masks, table and page are right, and no person is named anywhere."""

import gzip
import shutil
import unicodedata
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
import torch
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from browser import check_page
from ms_dataset import image, save
from mslesion.learning import scan_prediction as lesions
from mslesion.learning.networks import lesion_network
from mslesion.phantom import brain
from own_flairs import predict, untrained
from persons import FOLDER, NAMES, written_with_a_name
from reprise.data.nifti import ENDINGS, read_volume, without_text
from reprise.data.phantom_voxels import make_grid
from reprise.models.weights import save_model
from reprise.step.errors import InputError
from reprise.step.files import file_sha256

OBLIQUE = np.array([[2.0, 0.1, 0, -7], [-0.1, 3.0, 0, 5], [0, 0, 1.5, 9], [0, 0, 0, 1]])
LESION = 2000
TEXT = {"descrip": "Roe^Richard 12Mar1954", "aux_file": "WardSeven", "intent_name": "Li^Ng", "db_name": "MRN-20071231"}
CHANGED = {"datatype", "bitpix", "scl_slope", "scl_inter", "cal_max", "cal_min", "vox_offset", "magic"}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("weights"), "fc_densenet67", 0.1)


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a network that segments whole scans in seconds."""
    return untrained(tmp_path_factory.mktemp("weights"), "unet_2d", 0.03)


@pytest.fixture
def bright_is_lesion(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """A network that calls every voxel of the value LESION one; lists the shapes that it was asked about."""
    asked: list[tuple[int, ...]] = []
    monkeypatch.setattr(lesions, "segment_scan", lambda _m, _i, scan, _d: asked.append(scan.shape) or scan == LESION)
    return asked


def with_lesions(path: Path, orientation: str) -> np.ndarray:
    """Write a volume with two lesions, of 8 voxels and of 1, and text in its header; returns them as stored."""
    voxels = np.random.default_rng(1).integers(1, 900, (12, 10, 8), np.int16)
    voxels[2:4, 3:5, 4:6] = voxels[8, 8, 1] = LESION
    scan = nibabel.Nifti1Image(voxels, OBLIQUE)
    scan.set_qform(OBLIQUE, 1)
    scan.set_sform(OBLIQUE, 2)
    scan = scan.as_reoriented(ornt_transform(io_orientation(OBLIQUE), axcodes2ornt(orientation)))
    for field, text in TEXT.items():
        scan.header[field] = text
    nibabel.save(scan, path)
    return np.asanyarray(scan.dataobj) == LESION


@pytest.mark.parametrize("orientation", ["RAS", "LAS", "PIL", "SRA"])
def test_masks_loads_and_counts_are_those_of_the_scan(
    tmp_path: Path, weights: Path, bright_is_lesion: list, orientation: str
) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "scan1_FLAIR.nii.gz"
    truth = with_lesions(path, orientation)
    row = predict(tmp_path / "in", weights, tmp_path).loc["scan1_FLAIR"]
    assert bright_is_lesion == [(8, 10, 12)]
    voxel_mm3 = (2 * 3 + 0.1 * 0.1) * 1.5
    assert row["lesions"] == 2 and row["orientation"] == orientation
    assert row["voxel_mm3"] == pytest.approx(voxel_mm3, rel=1e-5)
    assert row["load_ml"] == pytest.approx(9 * voxel_mm3 / 1000, abs=1e-4)
    scan, mask = nibabel.load(path), nibabel.load(tmp_path / "predictions/masks/scan1_FLAIR.nii.gz")
    np.testing.assert_array_equal(np.asanyarray(mask.dataobj), truth)
    np.testing.assert_array_equal(mask.affine, scan.affine)
    differing = {key for key in scan.header if scan.header[key].tobytes() != mask.header[key].tobytes()}
    assert differing <= CHANGED | set(TEXT)
    assert not any(mask.header[field].item() for field in TEXT)


def test_a_name_of_a_person_is_in_no_file_but_the_key(
    tmp_path: Path, weights: Path, bright_is_lesion: list, capfd: pytest.CaptureFixture[str]
) -> None:
    source, results = tmp_path / "in" / FOLDER, tmp_path / "results"
    source.mkdir(parents=True)
    results.mkdir()
    with_lesions(source / "Li_Ng.nii", "RAS")
    shutil.copy(source / "Li_Ng.nii", source / "Roe^Richard_mask.nii")
    save(source / "WardSeven_t1.nii", image(1))
    (source / "12Mar1954.nii.gz").write_bytes(gzip.compress((source / "Li_Ng.nii").read_bytes())[:-5])
    (source / f"{unicodedata.normalize('NFD', NAMES[4])}_flair.nii").write_bytes(b"x" * 400)
    (source / "MRN-20071231.pdf").write_text("Roe^Richard")
    (source / "Roe_Richard.nii").symlink_to(source / "Roe_Richard.nii")
    table = predict(tmp_path / "in", weights, results, keep_names=False)
    assert list(table.index) == [f"case-{file_sha256(source / 'Li_Ng.nii')[:12]}"]
    for number, text in enumerate(capfd.readouterr()):
        (results / f"{number}.log").write_text(text)
    assert written_with_a_name(results) == []
    key = pd.read_csv(results / "key.csv").set_index("case")["file"]
    left = pd.read_csv(results / "findings.csv").query("severity == 'excluded'")["file"]
    assert key[table.index].tolist()[0].endswith(f"{FOLDER}/Li_Ng.nii") and {*left} <= {*key.index} and len(left) == 5


def test_damaged_and_odd_files_are_a_finding_each_and_the_rest_is_predicted(
    tmp_path: Path, weights: Path, bright_is_lesion: list
) -> None:
    source = tmp_path / "in"
    save(source / "good.nii", image(0))
    save(source / "hole.nii", np.where(image(1) == 9, np.nan, image(1)))
    save(source / "huge.nii", image(1) * 1e36)
    save(source / "flat.nii", np.full((6, 7, 5), 3, np.int16))
    affine = np.diag([1, 4.0, 1, 1])
    nibabel.save(nibabel.Nifti1Image(np.stack([image(2)] * 2, -1), affine), source / "series.nii.gz")
    nibabel.save(nibabel.Nifti1Image(image(2).astype(np.complex64), affine), source / "complex.nii")
    for number, name in enumerate(("pair.img", "half.img"), start=3):
        nibabel.save(nibabel.Nifti1Pair(image(number), affine), source / name)
    (source / "half.hdr").unlink()
    (source / "cut.nii").write_bytes((source / "good.nii").read_bytes()[:-4])
    (source / "loop.nii").symlink_to(source / "loop.nii")
    for name in ("notes.txt", ".hidden.nii"):
        (source / name).write_text("no volume")
    table = predict(source, weights, tmp_path)
    assert list(table.index) == ["good", "pair"] and (table["lesions"] == 0).all()
    findings = pd.read_csv(tmp_path / "findings.csv")
    left = findings.query("severity == 'excluded'").set_index("file")["finding"]
    for name, message in {
        "hole": "1 voxels are NaN",
        "huge": "no 32-bit number",
        "flat": "every voxel has the same value",
        "series": "found 6x7x5x2",
        "complex": "found complex64",
        "half": "its .hdr file: No such file",
        "cut": "truncated",
        "loop": "symbolic links",
    }.items():
        assert message in left.pop(name), name
    assert not len(left)
    assert findings.query("severity == 'note'").set_index("file")["finding"].to_dict() == {
        "1 files": "not read: no NIfTI volumes",
        "pair": "its axial slices have pixels of 4 x 1 mm: it was scanned in another plane",
    }
    check_page(tmp_path / "predictions" / "index.html")


@pytest.mark.parametrize(
    ("names", "lines"),
    [
        (["notes.txt"], "\n  1 files: not read: no NIfTI volumes$"),
        (["bad.nii", "x_mask.nii"], "\n  x_mask: by its name a mask\n  bad: no NIfTI file .*$"),
        ([f"{number}.nii" for number in range(60)], r"(\n  \d+: no NIfTI file .*){50}\n  ... and 10 more$"),
    ],
)
def test_nothing_usable_is_one_message_and_leaves_nothing(
    tmp_path: Path, weights: Path, names: list[str], lines: str
) -> None:
    (tmp_path / "in").mkdir()
    for number, name in enumerate(names):
        (tmp_path / "in" / name).write_bytes(bytes([number]) * 400)
    with pytest.raises(
        InputError, match=f"no FLAIR volume in the folder can be read; key.csv leads to the files:{lines}"
    ):
        predict(tmp_path / "in", weights, tmp_path)
    assert not (tmp_path / "predictions").exists() and not (tmp_path / "findings.csv").exists()


def test_wrong_weights_are_named(tmp_path: Path) -> None:
    save(tmp_path / "in" / "flair.nii", image(0))
    whole = untrained(tmp_path, "unet_2d", 0.03).read_bytes()
    (tmp_path / "damaged.safetensors").write_bytes(b"no weights")
    (tmp_path / "cut.safetensors").write_bytes(whole[:-1])
    other = {"kind": "ef", "network": "r3d_18", "width": 1, "normalisation": {}, "settings": {}}
    save_model(tmp_path / "study.safetensors", torch.nn.Linear(1, 1), other)
    lesions = other | {"kind": "lesions", "network": "unet_3d", "width": 0.03}
    save_model(tmp_path / "bare.safetensors", lesion_network("unet_3d", 0.03), lesions)
    save_model(tmp_path / "odd.safetensors", torch.nn.Linear(1, 1), lesions | {"width": "narrow"})
    whole = lesions | {"size": None, "settings": {"precision": "fp32"}}
    save_model(tmp_path / "misfit.safetensors", torch.nn.Linear(1, 1), whole)
    for name, message in {
        "damaged": "not a readable",
        "absent": "not a readable",
        "cut": "not a readable",
        "study": "expected weights of kind lesions, found ef",
        "bare": "not weights of this pipeline: no size, settings.precision in its header",
        "odd": "not weights of this pipeline: no width in its header",
        "misfit": "weights of another network than unet_3d: .{,200}$",
    }.items():
        with pytest.raises(InputError, match=f"{name}.safetensors: {message}"):
            predict(tmp_path / "in", tmp_path / f"{name}.safetensors", tmp_path)
    assert not (tmp_path / "predictions").exists() and not (tmp_path / "findings.csv").exists()


def test_a_killed_run_goes_on_and_a_changed_file_is_segmented_again(
    tmp_path: Path, weights: Path, bright_is_lesion: list
) -> None:
    for number in range(3):
        save(tmp_path / "in" / f"scan{number}.nii", image(number))
    predict(tmp_path / "in", weights, tmp_path)
    shutil.rmtree(tmp_path / "predictions")
    voxels = image(1)
    voxels[2, 2, 2] = LESION
    save(tmp_path / "in" / "scan1.nii", voxels)
    table = predict(tmp_path / "in", weights, tmp_path)
    assert len(bright_is_lesion) == 4 and table["lesions"].tolist() == [0, 1, 0]
    predict(tmp_path / "in", weights, tmp_path, code="2")
    assert len(bright_is_lesion) == 7


@pytest.mark.parametrize("network", ["fc_densenet67", "unet_3d"])
def test_phantoms_are_predicted_by_a_network(tmp_path: Path, network: str) -> None:
    grid = make_grid((48, 56, 24), (3.2, 3.2, 5.5))
    for number in range(2):
        rng = np.random.default_rng(number)
        head = brain.draw_brain(rng, grid)
        far = np.full(grid.shape, 20, np.float32)
        save(
            tmp_path / "in" / f"scan{number}.nii.gz",
            brain.acquire(rng, head, far, grid, "flair"),
            np.diag([-3.2, 3.2, 5.5, 1]),
        )
    table = predict(tmp_path / "in", untrained(tmp_path, network, 0.1), tmp_path)
    assert list(table.index) == ["scan0", "scan1"] and (table["load_ml"] > 0).all()
    pictures = sorted((tmp_path / "predictions/slices").iterdir())
    assert {path.name.rpartition("-")[0] for path in pictures} == {"scan0", "scan1"}
    check_page(tmp_path / "predictions" / "index.html")


def test_real_flairs(real_data: Path, tmp_path: Path, fast: Path) -> None:
    table = predict(real_data / "ms", fast, tmp_path)
    files = pd.read_csv(tmp_path / "key.csv").set_index("case").loc[table.index, "file"]
    assert [Path(file).parent.name for file in files] == ["patient07", "patient19", "patient26"]
    for case, file in files.items():
        scan = nibabel.load(file)
        mask = nibabel.load(tmp_path / f"predictions/masks/{case}.nii.gz")
        assert mask.shape == scan.shape and (mask.affine == scan.affine).all()
        assert np.asanyarray(mask.dataobj).sum() / 1000 == pytest.approx(table.loc[case, "load_ml"], abs=1e-3)
    findings = pd.read_csv(tmp_path / "findings.csv")
    assert (findings["severity"] == "excluded").sum() == 9


def test_every_nifti_file_of_others_is_predicted_or_a_finding(real_data: Path, tmp_path: Path, fast: Path) -> None:
    source = tmp_path / "in"
    for folder in ("nibabel", "nifti-reader-js", "niivue_misc", "analyze75_dbc"):
        shutil.copytree(real_data / "formats" / folder, source / folder)
    for name in ("LAS", "PIR", "SRA"):
        (source / f"{name}.nii.gz").write_bytes((real_data / f"formats/niivue_orientations/{name}.nii.gz").read_bytes())
    table = predict(source, fast, tmp_path)
    findings = pd.read_csv(tmp_path / "findings.csv")
    left = findings[findings["severity"] == "excluded"]["file"]
    files = {path for path in source.rglob("*") if path.name.endswith(ENDINGS) and ".img" not in path.name}
    assert len(files) == len(table) + len(left)
    loads = table[table.index.isin(["LAS", "PIR", "SRA"])]
    assert len(loads) == 3 and loads["load_ml"].nunique() == 1  # one brain in three orientations
    for case in table.index:
        mask = read_volume(tmp_path / f"predictions/masks/{case}.nii.gz")
        assert set(np.unique(mask.voxels)) <= {0, 1} and without_text(mask.header) == mask.header
