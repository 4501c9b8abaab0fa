"""Three real patients with multiple sclerosis, through the study as a user runs it: check to report, and predict."""

import csv
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from browser import check_page
from project import configure, copy_project, type_command

# Few steps of a narrow network: what is tried here is the way that real files take, not what can be learnt.
SHORT = {
    "folds": 3,
    "leak_control": False,
    "size": [64, 64],
    "training": {"epochs": 1, "width": 0.1},
    "reported_epochs": [1],
    "bootstrap": {"resamples": 100},
}
NETWORK = "fc_densenet57_no_attention"
LOADS_ML = {"patient07": 1.3, "patient19": 49.8, "patient26": 8.2}


@pytest.fixture(scope="module")
def study(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patients")
    copy_project(folder, {"mslesion": SHORT})
    (folder / "raw").symlink_to(real_data / "ms")
    configure(folder, studies=["mslesion"], data={"mslesion": "raw"})
    configure(folder, models={"mslesion": {"lesions": [NETWORK], "baselines": []}})
    before = {path: path.stat() for path in (real_data / "ms").rglob("*")}
    run = type_command("snakemake results/report.html", folder)
    assert run.returncode == 0, run.stdout[-8000:]
    assert {path: path.stat().st_mtime_ns for path in before} == {p: stat.st_mtime_ns for p, stat in before.items()}
    return folder


def test_each_patient_is_left_out_once_and_measured_against_the_consensus(study: Path) -> None:
    lesions = pd.read_csv(study / "results/mslesion/lesions.csv")
    for protocol in ("published", "sound"):
        loads = lesions[lesions["protocol"] == protocol].set_index("patient")
        assert loads["true_load_ml_1"].round(1).to_dict() == LOADS_ML and sorted(loads["fold"]) == [1, 2, 3]
    metrics = pd.read_csv(study / "results/mslesion/metrics.csv").set_index(["protocol", "quantity"])["value"]
    for measure in ("dice", "ltpr", "lfpr", "sensitivity"):
        assert 0 <= metrics["sound", f"{NETWORK}/scans/{measure}"] <= 1
    assert np.isfinite(metrics["published", f"{NETWORK}/best_fold/epoch1/dice"])
    assert not metrics.index.get_level_values(1).str.startswith("raters").any()


def test_masks_lie_on_the_patients_own_grid(study: Path, real_data: Path) -> None:
    loads = pd.read_csv(study / "results/mslesion/lesions.csv").set_index(["protocol", "case"])["load_ml"]
    for patient in LOADS_ML:
        mask = nibabel.load(study / f"results/mslesion/{NETWORK}-seed0/sound/masks/{patient}.nii.gz")
        (file,) = (real_data / "ms" / patient).glob("FLAIR*")
        flair = nibabel.load(file)
        np.testing.assert_array_equal(mask.affine, flair.affine)
        assert mask.shape == flair.shape and mask.header["sform_code"] == flair.header["sform_code"]
        found = np.asanyarray(mask.dataobj)
        assert set(np.unique(found)) <= {0, 1} and found.sum() / 1000 == pytest.approx(loads["sound", patient])


def test_nothing_of_them_compares_with_the_published_data_set(study: Path) -> None:
    rows = list(csv.DictReader((study / "results/scoreboard.csv").read_text().splitlines()))
    assert rows and {row["verdict"] for row in rows} == {"not comparable"}
    report = study / "results/report.html"
    check_page(report)
    assert "3 scans of 3 patients, 546 axial slices, 1 rater" in report.read_text()


def test_their_flair_images_alone_get_masks_and_loads(study: Path, real_data: Path) -> None:
    (study / "flair").mkdir()
    for patient in LOADS_ML:
        (file,) = (real_data / "ms" / patient).glob("FLAIR*")
        shutil.copy(file, study / "flair" / f"{patient}.nii.gz")
    run = type_command("snakemake predict --config input=flair", study)
    assert run.returncode == 0, run.stdout[-5000:]
    predictions = study / "results/own_volumes/predictions"
    volumes = pd.read_csv(predictions / "volumes.csv").set_index("case")
    seen = pd.read_csv(study / "results/mslesion/lesions.csv").query("protocol == 'sound' and fold == 1")
    assert set(volumes.index) == set(LOADS_ML) and len(list((predictions / "masks").iterdir())) == 3
    same = volumes.loc[seen["case"], "load_ml"].tolist()
    assert same == pytest.approx(seen["load_ml"].tolist(), abs=1e-3), (
        "the weights of fold 1 say the same of its patient"
    )
    check_page(predictions / "index.html")
