"""A real brain with maps of its tissues, in the study of infants' brains as a user runs it: from check to report.

There is one such brain with T1 and T2, the average of ICBM152. Leaving one out needs three, so the others are made from
it. So this tests the way of real images through the study, and no accuracy.
"""

from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from browser import check_page
from icbm_brains import write_icbm
from project import TINY, configure, copy_project, overlaid, type_command

# Enough steps of a narrow network to find tissues at all; the published protocols only go through.
SHORT = {"sound": {"crops_a_volume": 60, "epochs": 2, "optimiser": {"lr": 1.0e-2}}, "width": 0.25}
VOLUMES_ML = {"csf": 354.2, "gm": 1113.0, "wm": 591.6}  # of the average, by the most likely map in each voxel


@pytest.fixture(scope="module")
def study(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("brains")
    copy_project(folder, {"iseg": overlaid(TINY["iseg"], SHORT)})
    write_icbm(real_data, folder / "raw")
    configure(folder, studies=["iseg"], data={"iseg": "raw"})
    configure(folder, models={"iseg": {"networks": ["unet3d"], "baselines": []}})
    before = {path: path.stat().st_mtime_ns for path in (folder / "raw").rglob("*")}
    run = type_command("snakemake results/report.html", folder)
    assert run.returncode == 0, run.stdout[-8000:]
    assert {path: path.stat().st_mtime_ns for path in (folder / "raw").rglob("*")} == before, "raw data is only read"
    return folder


def test_volumes_and_findings_are_those_of_the_files(study: Path) -> None:
    cases = pd.read_csv(study / "results/iseg/cases.csv").set_index("case")
    assert list(cases["labelled"]) == [1, 1, 1, 0] and (cases["stated"] == 0).all()
    for tissue, ml in VOLUMES_ML.items():
        assert cases.loc["subject-1", f"{tissue}_voxels"] * 8 / 1000 == pytest.approx(ml, rel=1e-3)
    findings = pd.read_csv(study / "results/iseg/findings.csv")["finding"]
    assert list(findings) == ["no file states an orientation; the axes are taken as they lie in the files"]


def test_each_brain_is_scored_once_and_its_tissues_are_found(study: Path) -> None:
    scores = pd.read_csv(study / "results/iseg/scores.csv").query("protocol == 'sound'")
    assert len(scores) == 9 and scores.groupby("subject")["fold"].nunique().eq(1).all()
    assert scores["fold"].nunique() == 3 and set(scores["tissue"]) == {*VOLUMES_ML}
    for row in scores[scores["subject"].isin([1, "subject-1"])].itertuples():
        assert row.true_volume_ml == pytest.approx(VOLUMES_ML[row.tissue], rel=1e-3)
    metrics = pd.read_csv(study / "results/iseg/metrics.csv").set_index(["protocol", "quantity"])["value"]
    assert metrics["sound", "unet3d/subjects/dice"] == pytest.approx(scores["dice"].mean())
    assert metrics["sound", "unet3d/subjects/dice"] > 0.5


def test_the_subject_without_labels_is_segmented_on_its_own_grid(study: Path) -> None:
    folder = study / "results/iseg/unet3d-seed0/sound/test"
    (header,) = folder.glob("*.hdr")
    labels, t1 = nibabel.load(header), nibabel.load(study / "raw/iSeg-2017-Testing/subject-11-T1.hdr")
    assert header.name == "subject-11-label.hdr" and labels.shape == t1.shape == (91, 109, 91, 1)
    assert labels.header.get_zooms() == t1.header.get_zooms()
    values = np.squeeze(labels.dataobj)
    assert set(np.unique(values)) <= {0, 10, 150, 250}
    image = np.squeeze(t1.dataobj)

    def alike(labels: np.ndarray) -> float:
        return float(np.corrcoef(labels[image > 0], image[image > 0])[0, 1])  # white matter is brightest, CSF darkest

    assert alike(values) > 0.05 + max(alike(np.flip(values, axis)) for axis in range(3))  # no axis is mirrored


def test_report_shows_a_real_brain_without_a_fault(study: Path) -> None:
    report = study / "results/report.html"
    check_page(report)
    assert str(study) not in report.read_text()
