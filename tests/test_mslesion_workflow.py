"""The study of MS lesions from raw phantom to report, with all its steps, too short to learn much."""

import csv
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from browser import check_page
from project import copy_project, type_command

TINY: dict[str, Any] = {
    "folds": 3,
    "training": {"epochs": 2},
    "baseline": {"epochs": 1},
    "reported_epochs": [1, 2],
    "bootstrap": {"resamples": 100},
    "phantom": {"shape": [36, 44, 12], "spacing_mm": [5, 5, 10.5]},
}
REPORT = "snakemake results/report.html"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lesions")
    copy_project(folder, TINY, "mslesion")
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("studies: [echonet]", "studies: [mslesion]"))
    run = report(folder)
    assert run.returncode == 0, run.stdout[-8000:]
    return folder


def report(folder: Path) -> subprocess.CompletedProcess[str]:
    return type_command(REPORT, folder)


def test_each_scan_is_scored_once_by_each_network_and_protocol(demo: Path) -> None:
    lesions = pd.read_csv(demo / "results/mslesion/lesions.csv")
    assert lesions["case"].nunique() == 21
    counts = lesions.groupby(["network", "protocol"])["case"].agg(["size", "nunique"])
    assert counts.to_numpy().tolist() == [[21, 21]] * 3
    assert set(counts.index) == {("fc_densenet67", "published"), ("fc_densenet67", "sound"), ("unet_2d", "sound")}


def test_folds_keep_patients_together(demo: Path) -> None:
    folds = pd.read_csv(demo / "results/mslesion/folds.csv")
    assert folds.groupby("patient")["fold"].nunique().max() == 1


def test_nothing_of_a_phantom_is_called_reproduced(demo: Path) -> None:
    rows = list(csv.DictReader((demo / "results/scoreboard.csv").read_text().splitlines()))
    assert len(rows) > 20 and {row["study"] for row in rows} == {"mslesion"}
    assert {row["verdict"] for row in rows} == {"not comparable"}


def test_report_opens_without_a_fault(demo: Path) -> None:
    check_page(demo / "results/report.html")


def test_again_there_is_nothing_to_do(demo: Path) -> None:
    again = report(demo)
    assert again.returncode == 0 and "Nothing to be done" in again.stdout
