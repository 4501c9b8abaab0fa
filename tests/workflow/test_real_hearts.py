"""Fifteen real hearts, with only the left ventricle drawn, in the study as a user runs it: from check to report."""

from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from browser import check_page
from project import TINY, configure, copy_project, overlaid, type_command
from sunnybrook import write_sunnybrook

# Enough steps of a narrow network to find the cavity at all: this tests the way of real images through the study.
SHORT = {"training": {"epochs": {"unet": 12}}, "grid": {"spacing_mm": 3, "size": 64}, "validation": 3}


@pytest.fixture(scope="module")
def study(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hearts")
    copy_project(folder, {"acdc": overlaid(TINY["acdc"], SHORT)})
    write_sunnybrook(real_data, folder / "raw")
    configure(folder, studies=["acdc"], data={"acdc": "raw"})
    configure(folder, models={"acdc": {"segmentation": ["unet"], "baselines": []}})
    before = {path: path.stat().st_mtime_ns for path in (folder / "raw").rglob("*")}
    run = type_command("snakemake results/report.html", folder)
    assert run.returncode == 0, run.stdout[-8000:]
    assert {path: path.stat().st_mtime_ns for path in (folder / "raw").rglob("*")} == before, "raw data is only read"
    return folder


def test_each_patient_is_in_one_split_and_only_the_drawn_structure_is_scored(study: Path) -> None:
    scores = pd.read_csv(study / "results/acdc/ensembles/scores.csv")
    assert set(scores["structure"]) == {"lv"}
    assert (scores.groupby("patient")["split"].nunique() == 1).all()
    tested = scores[(scores["method"] == "unet") & (scores["split"] == "test")]
    assert len(tested) == 2 * tested["patient"].nunique() == 8
    metrics = pd.read_csv(study / "results/acdc/metrics.csv").set_index(["protocol", "quantity"])["value"]
    assert metrics["sound", "unet/test/dice"] == pytest.approx(tested["dice"].mean())
    assert metrics["sound", "unet/test/dice"] > 0.3
    assert not [name for _, name in metrics.index if "_rv_" in name or "_myo_" in name or "mass" in name]


def test_volumes_are_those_of_the_drawn_masks(study: Path) -> None:
    scores = pd.read_csv(study / "results/acdc/ensembles/scores.csv").query("method == 'unet' and split == 'test'")
    frames = pd.read_csv(study / "results/acdc/cases.csv").set_index("case")
    for row in scores.itertuples():
        case = frames.loc[row.case]
        (path,) = (study / "raw/testing" / row.patient).glob(f"*_frame{case['frame']:02}_gt.nii*")
        drawn = nibabel.load(path)
        ml = np.count_nonzero(np.asarray(drawn.dataobj) == 3) * np.prod(drawn.header.get_zooms()[:3]) / 1000
        assert row.true_volume_ml == pytest.approx(ml, rel=1e-4)


def test_report_shows_real_hearts_without_a_fault(study: Path) -> None:
    report = study / "results/report.html"
    check_page(report)
    text = report.read_text()
    assert "SC-HF" not in text and str(study) not in text
