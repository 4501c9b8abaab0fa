"""The phantom of ISBI 2015: its files are as released, its lesions grow as its truth says, and raters nearly agree."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import label

from mslesion.data.raw_scans import check_dataset
from mslesion.phantom import brain, isbi2015
from mslesion.phantom.isbi2015 import write_phantom
from reprise.data.nifti import read_volume
from reprise.data.phantom_voxels import make_grid
from reprise.step.errors import InputError

SMALL = ((48, 56, 24), (3.2, 3.2, 5.5))
VOXEL_ML = 3.2 * 3.2 * 5.5 / 1000


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "raw"
    write_phantom(folder, *SMALL, seed=7, processes=1)
    return folder


@pytest.fixture(scope="module")
def truth(phantom: Path) -> pd.Series:
    """Load in ml by patient and time point."""
    return pd.read_csv(phantom / "lesions.csv").groupby(["patient", "timepoint"])["volume_ml"].sum()


def masks(phantom: Path, patient: str, time: int) -> list[np.ndarray]:
    folder = phantom / patient / "masks"
    return [read_volume(folder / f"{patient}_{time:02}_mask{rater}.nii").voxels for rater in (1, 2)]


def test_the_layout_is_as_released(phantom: Path) -> None:
    wanted = {"lesions.csv"}
    for patient, times in enumerate((4, 4, 5, 4, 4), start=1):
        for time in range(1, times + 1):
            scan = f"training{patient:02}_{time:02}"
            wanted |= {
                f"training{patient:02}/preprocessed/{scan}_{name}_pp.nii" for name in ("flair", "mprage", "pd", "t2")
            }
            wanted |= {f"training{patient:02}/masks/{scan}_mask{rater}.nii" for rater in (1, 2)}
    assert {str(path.relative_to(phantom)) for path in phantom.rglob("*") if path.is_file()} == wanted
    checked = check_dataset(phantom)
    assert len(checked.cases) == 21 and len(checked.findings) == 1
    assert set(checked.manifest["shape"]) == {"48x56x24"} and set(checked.manifest["orientation"]) == {"LAS"}


def test_the_whole_grid_is_as_released_and_one_patient_on_it_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isbi2015, "TIMEPOINTS", (2, 2))
    rows = isbi2015._write_patient(tmp_path, isbi2015.SHAPE, isbi2015.SPACING_MM, seed=3, patient=1)
    paths = sorted(tmp_path.rglob("*.nii"))
    assert len(paths) == 2 * 6
    assert {nibabel.load(path).shape for path in paths} == {(181, 217, 181)}
    assert {nibabel.load(path).header.get_zooms() for path in paths} == {(1, 1, 1)}
    load = pd.DataFrame(rows).groupby("timepoint")["volume_ml"].sum()
    for time, expected in load.items():
        first, second = masks(tmp_path, "training02", time)
        assert first.sum() / 1000 == pytest.approx(expected, rel=0.12)
        assert 0.8 < 2 * (first & second).sum() / (first.sum() + second.sum()) < 0.97


def test_lesions_grow_and_masks_match_the_truth(phantom: Path, truth: pd.Series) -> None:
    lesions = pd.read_csv(phantom / "lesions.csv")
    assert (lesions.groupby(["patient", "lesion"])["volume_ml"].diff().dropna() > 0).all()
    assert (truth.groupby("patient").diff().dropna() > 0).all()
    assert truth.max() > 5 * truth.min()
    drawn = pd.Series({key: masks(phantom, *key)[0].sum() * VOXEL_ML for key in truth.index})
    assert drawn.sum() == pytest.approx(truth.sum(), rel=0.1)
    assert np.corrcoef(drawn, truth)[0, 1] > 0.98


def test_raters_differ_a_little_at_the_borders(phantom: Path, truth: pd.Series) -> None:
    overlaps = []
    for patient, time in truth.index:
        first, second = masks(phantom, patient, time)
        overlaps.append(2 * (first & second).sum() / (first.sum() + second.sum()))
        assert label(first)[1] > 0
    assert 0.8 < np.mean(overlaps) < 0.95 and min(overlaps) > 0.7 and max(overlaps) < 1


def test_contrast_is_that_of_the_sequences(phantom: Path) -> None:
    grid = make_grid(*SMALL)
    head = brain.draw_brain(np.random.default_rng([7, 2]), grid)
    lesion = masks(phantom, "training03", 5)[0] > 0
    tissue = {name: (head.labels == number) & ~lesion for number, name in enumerate(brain.TISSUES)}
    folder = phantom / "training03" / "preprocessed"
    means = {}
    for sequence in brain.SIGNAL:
        voxels = read_volume(folder / f"training03_05_{sequence}_pp.nii").voxels
        places = {"lesion": lesion} | {name: tissue[name] for name in ("csf", "grey", "white")}
        means[sequence] = {name: voxels[place].mean() for name, place in places.items()}
        assert (voxels[tissue["outside"]] == 0).all()
    order = {sequence: sorted(means[sequence], key=means[sequence].get) for sequence in means}
    assert order["flair"] == ["csf", "white", "grey", "lesion"]
    assert order["mprage"][0] == "csf" and order["mprage"][-1] == "white"
    assert order["t2"] == ["white", "grey", "lesion", "csf"]


def test_files_depend_on_the_seed_alone(phantom: Path, tmp_path: Path, run_step) -> None:
    wanted = json.dumps({"shape": SMALL[0], "spacing_mm": SMALL[1], "seed": 7})
    assert run_step("mslesion/make_phantom.py", "--settings", wanted, "--output", tmp_path / "raw").returncode == 0
    files = sorted(path.relative_to(phantom) for path in phantom.rglob("*") if path.is_file())
    assert [(phantom / file).read_bytes() == (tmp_path / "raw" / file).read_bytes() for file in files] == [True] * 127
    write_phantom(tmp_path / "other", *SMALL, seed=8, processes=1)
    assert (phantom / "lesions.csv").read_text() != (tmp_path / "other/lesions.csv").read_text()


@pytest.mark.parametrize(("shape", "spacing"), [((20, 24, 12), (3, 3, 3)), ((48, 56), (4, 4))])
def test_a_grid_too_small_for_a_brain_is_one_message(tmp_path: Path, shape: tuple, spacing: tuple) -> None:
    with pytest.raises(InputError, match="expected a grid of 132x168x120 mm or more"):
        write_phantom(tmp_path / "raw", shape, spacing, seed=0, processes=1)
    assert not list(tmp_path.iterdir())
