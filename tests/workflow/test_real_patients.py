"""Three real patients with multiple sclerosis in the study as a user runs it: from check to report, and predict."""

import csv
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from browser import check_page
from project import configure, copy_project, type_command

# A few steps of a narrow network: this tests the reading of real files, not the learning.
SHORT = {
    "folds": 3,
    "leak_control": False,
    "size": 64,
    "training": {"epochs": 1, "width": 0.1},
    "baselines": {"unet_3d": {"epochs": 1, "blocks_a_scan": 2}},
    "reported_epochs": [1],
    "bootstrap": {"resamples": 100},
}
NETWORK = "fc_densenet67"
PATIENTS = ("patient07", "patient19", "patient26")
SLICES = slice(85, 101)  # those of the ventricles, by which most lesions lie; all 182 take minutes


def write_middle(raw: Path, folder: Path) -> None:
    """Write each patient's volumes without the slices far from the ventricles, on the grid that they then have."""
    for patient in PATIENTS:
        (folder / patient).mkdir(parents=True)
        for path in (raw / patient).iterdir():
            nibabel.save(nibabel.load(path).slicer[:, :, SLICES], folder / patient / path.name)


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


@pytest.fixture(scope="module")
def study(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patients")
    copy_project(folder, {"mslesion": SHORT})
    write_middle(real_data / "ms", folder / "raw")
    configure(folder, studies=["mslesion"], data={"mslesion": "raw"})
    configure(folder, models={"mslesion": {"lesions": [NETWORK], "baselines": ["unet_3d"]}})
    before = {path: path.stat().st_mtime_ns for path in (folder / "raw").rglob("*")}
    run = type_command("snakemake results/report.html", folder)
    assert run.returncode == 0, run.stdout[-8000:]
    assert {path: path.stat().st_mtime_ns for path in (folder / "raw").rglob("*")} == before, "raw data is only read"
    return folder


def test_each_patient_is_left_out_once_and_measured_against_the_consensus(study: Path) -> None:
    lesions = pd.read_csv(study / "results/mslesion/lesions.csv")
    assert lesions.groupby(["network", "protocol"])["patient"].nunique().tolist() == [3, 3, 3]
    lesions = lesions[lesions["network"] == NETWORK]
    masks = {patient: nibabel.load(only(study / "raw" / patient, "GOLD*")).get_fdata() for patient in PATIENTS}
    for protocol in ("published", "sound"):
        loads = lesions[lesions["protocol"] == protocol].set_index("patient")
        assert loads["true_load_ml_1"].to_dict() == pytest.approx(
            {key: mask.sum() / 1000 for key, mask in masks.items()}
        )
        assert sorted(loads["fold"]) == [1, 2, 3]
    metrics = pd.read_csv(study / "results/mslesion/metrics.csv").set_index(["protocol", "quantity"])["value"]
    for measure in ("dice", "ltpr", "lfpr", "sensitivity"):
        assert 0 <= metrics["sound", f"{NETWORK}/scans/{measure}"] <= 1
    assert np.isfinite(metrics["published", f"{NETWORK}/best_fold/epoch1/dice"])
    assert not metrics.index.get_level_values(1).str.startswith("raters").any()


def test_masks_lie_on_the_patients_own_grid(study: Path) -> None:
    lesions = pd.read_csv(study / "results/mslesion/lesions.csv")
    loads = lesions[lesions["network"] == NETWORK].set_index(["protocol", "case"])["load_ml"]
    for patient in PATIENTS:
        mask = nibabel.load(study / f"results/mslesion/{NETWORK}-seed0/sound/masks/{patient}.nii.gz")
        flair = nibabel.load(only(study / "raw" / patient, "FLAIR*"))
        np.testing.assert_array_equal(mask.affine, flair.affine)
        assert mask.shape == flair.shape and mask.header["sform_code"] == flair.header["sform_code"]
        found = np.asanyarray(mask.dataobj)
        assert set(np.unique(found)) <= {0, 1} and found.sum() / 1000 == pytest.approx(loads["sound", patient])


def test_nothing_of_them_compares_with_the_published_data_set(study: Path) -> None:
    rows = list(csv.DictReader((study / "results/scoreboard.csv").read_text().splitlines()))
    assert rows and {row["verdict"] for row in rows} == {"not comparable"}
    report = study / "results/report.html"
    check_page(report)
    assert "3 scans of 3 patients, 48 axial slices, 1 rater" in report.read_text()


def test_their_flair_images_alone_get_masks_and_loads(study: Path, real_data: Path) -> None:
    (study / "flair").mkdir()
    for patient in PATIENTS:
        shutil.copy(only(study / "raw" / patient, "FLAIR*"), study / "flair" / f"{patient}.nii.gz")
    shutil.copy(only(real_data / "ms" / PATIENTS[0], "FLAIR*"), study / "flair" / "whole.nii.gz")
    run = type_command("snakemake predict --config input=flair keep_names=true", study)
    assert run.returncode == 0, run.stdout[-5000:]
    predictions = study / "results/own_volumes/predictions"
    volumes = pd.read_csv(predictions / "volumes.csv").set_index("case")
    seen = pd.read_csv(study / "results/mslesion/lesions.csv").query(
        "network == @NETWORK and protocol == 'sound' and fold == 1"
    )
    assert set(volumes.index) == {*PATIENTS, "whole"} and volumes.loc["whole", "slices"] == 182
    same = volumes.loc[seen["case"], "load_ml"].tolist()
    assert same == pytest.approx(seen["load_ml"].tolist(), abs=1e-3), (
        "the weights of fold 1 say the same of its patient"
    )
    check_page(predictions / "index.html")
