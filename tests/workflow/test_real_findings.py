"""Real X-rays, tiles and endoscopy frames in the study of findings as a user runs it: from check to report."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from browser import check_page
from project import TINY, configure, copy_project, overlaid, type_command
from real_findings import write_real_findings

METHODS = ["linear_probe", "logistic_regression", "prototypes"]
# Enough steps for maps that are not empty. The networks are narrow and know nothing before.
SHORT = {
    "store_size": 64,
    "sound": {"size": 64, "epochs": 4},
    "few_shot": {"size": 64, "shots": [1, 5], "experiments": [1, 2], "methods": METHODS},
    "explain": {"images": 6},
}


@pytest.fixture(scope="module")
def study(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("findings")
    copy_project(folder, {"medfm": overlaid(TINY["medfm"], SHORT)})
    write_real_findings(real_data, folder / "raw")
    configure(folder, studies=["medfm"], data={"medfm": "raw"})
    before = {path: path.stat().st_mtime_ns for path in (folder / "raw").rglob("*")}
    run = type_command("snakemake results/report.html", folder)
    assert run.returncode == 0, run.stdout[-8000:]
    assert {path: path.stat().st_mtime_ns for path in (folder / "raw").rglob("*")} == before, "raw data is only read"
    return folder


def test_images_and_labels_are_those_of_the_files(study: Path) -> None:
    cases = pd.read_csv(study / "results/medfm/store/cases.csv", dtype={"labels": str})
    assert cases.groupby("task").size().to_dict() == {"chest": 46, "colon": 80, "endo": 77}
    assert cases.groupby("task")["labelled"].sum().to_dict() == {"chest": 39, "colon": 68, "endo": 64}
    sizes = cases.groupby("task")[["height", "width"]].agg(lambda sides: sides.mode()[0])
    assert sizes.loc["chest"].tolist() == [1024, 1024] and sizes.loc["colon"].tolist() == [56, 112]
    counts = pd.read_csv(study / "results/medfm/figures/findings.csv").set_index(["task", "finding"])["images"]
    truth = pd.read_csv(next(study.glob("raw/MedFMC_train/chest/chest_train.csv")))
    assert counts["chest", "pleural_effusion"] == truth["pleural_effusion"].sum() > 5
    assert counts["chest", "TB"] == counts["endo", "ulcer"] == 0
    notes = set(pd.read_csv(study / "results/medfm/findings.csv")["finding"])
    assert "no image with ulcer, erosion, tumor" in notes


def test_each_method_on_frozen_features_has_its_scores(study: Path) -> None:
    table = pd.read_csv(study / "results/medfm/few_shot.csv").query("protocol == 'sound' and measure == 'auc'")
    assert sorted(table["method"].unique()) == sorted(METHODS)
    assert table.groupby("task").size().to_dict() == dict.fromkeys(("chest", "colon", "endo"), 3 * 2)
    assert table["mean"].between(0, 1).all() and (table["runs"] == 2).all()
    answers = pd.read_csv(study / "results/medfm/few_shot/vit_base_patch16_224-seed0/frozen/cases.csv")
    scored = answers[answers["split"] == "test"].groupby("task")["images"].unique()
    assert scored.map(list).to_dict() == {"chest": [8], "colon": [14], "endo": [13]}


def test_heat_maps_are_compared_with_the_masks_of_polyps(study: Path, run_step) -> None:
    run = study / "results/medfm/densenet121-seed0/sound"
    assert (run / "maps/maps.csv").is_file(), "in the workflow, no place is known"
    tasks = ("chest", "colon", "endo")
    files = {name: [run / task / name for task in tasks] for name in ("weights.safetensors", "scores.csv")}
    done = run_step(
        "medfm/explain.py",
        *("--store", study / "results/medfm/store", "--phantom", study / "boxes"),
        *("--weights", *files["weights.safetensors"], "--scores", *files["scores.csv"]),
        *("--settings", '{"images": 6, "steps": 2, "draws": 1}', "--device", "cpu", "--output", study / "maps"),
    )
    assert done.returncode == 0, done.stderr
    maps = pd.read_csv(study / "maps/maps.csv").query("finding == 'polyp' and truth == 1")
    assert len(maps) >= 3 and maps["pointing"].isin([0, 1]).all()
    assert maps["overlap"].between(0, 1).all() and maps["box"].between(0.01, 0.95).all()
    assert np.isfinite(maps[["deletion", "insertion"]]).all(axis=None)


def test_report_shows_real_images_without_a_fault(study: Path) -> None:
    report = study / "results/report.html"
    check_page(report)
    assert str(study) not in report.read_text()
