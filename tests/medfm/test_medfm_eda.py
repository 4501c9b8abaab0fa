"""What the data set consists of is counted as a loop counts it, drawn from the tables, and audited."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from medfm.analysis.exploration import (
    findings_together,
    image_sizes,
    images_a_finding,
    images_a_group,
    labels_an_image,
    twin_table,
)
from medfm.analysis.protocols import TASKS
from medfm.data.conversion import convert_dataset
from medfm.data.raw_images import check_dataset
from medfm.phantom.phantom_set import write_phantom
from project import ROOT
from reprise.data.store import open_store

STEPS = ROOT / "workflow_scripts/medfm"
FIGURES = ("findings", "labels", "cooccurrence", "sizes", "groups")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the store and the lists of a phantom."""
    folder = tmp_path_factory.mktemp("eda")
    write_phantom(folder / "raw", dict.fromkeys(TASKS, 80), 48, 1, 1)
    checked = check_dataset(folder / "raw")
    checked.lists.to_csv(folder / "lists.csv", index=False)
    convert_dataset(folder / "raw", checked.manifest, checked.cases, folder / "store", 16)
    return folder


def ran(study: Path, program: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, STEPS / program, "--store", "store", *map(str, words)]
    return subprocess.run(command, cwd=study, capture_output=True, text=True, check=False)


def test_tables_count_what_a_loop_counts(study: Path) -> None:
    cases = open_store(study / "store").cases
    one = images_a_finding(cases).set_index(["task", "finding"])
    pairs = findings_together(cases).set_index(["task", "finding", "other"])
    numbers = labels_an_image(cases).set_index(["task", "labels"])["images"]
    for task, findings in TASKS.items():
        rows = cases[cases["task"] == task].to_dict("records")
        for at, finding in enumerate(findings):
            having = [row for row in rows if row["labels"][at] == "1"]
            assert one.loc[(task, finding), "images"] == len(having)
            assert one.loc[(task, finding), "val"] == sum(row["official"] == "val" for row in having)
            assert one.loc[(task, finding), "share"] == pytest.approx(len(having) / len(rows))
            for other_at, other in enumerate(findings):
                both = sum(row["labels"][other_at] == "1" for row in having)
                assert pairs.loc[(task, finding, other), "images"] == both
                assert pairs.loc[(task, finding, other), "share"] == pytest.approx(both / len(having))
        without = sum("1" not in row["labels"] for row in rows)
        assert one.loc[(task, "normal" if task == "colon" else "no finding"), "images"] == without == numbers[task, 0]
        assert sum(numbers[task].index * numbers[task]) == sum(row["labels"].count("1") for row in rows)
    assert image_sizes(cases)[["task", "height", "width", "images"]].to_numpy().tolist() == [
        ["chest", 48, 48, 80],
        ["colon", 48, 48, 80],
        ["endo", 48, 60, 80],
    ]
    groups = images_a_group(cases)
    assert (groups["images"] * groups["units"]).groupby(groups["task"]).sum().to_dict() == dict.fromkeys(TASKS, 80)
    studies = cases.groupby("task")["study"].nunique()
    assert groups.groupby("task")["units"].sum().to_dict() == studies.to_dict()


def test_images_without_labels_count_in_no_finding(study: Path) -> None:
    cases = open_store(study / "store").cases
    cases.loc[cases["official"] == "val", ["labels", "labelled"]] = ["", 0]
    table = images_a_finding(cases)
    assert not table["val"].any() and (table["images"] == table["train"]).all()


def test_twins_are_listed_with_their_parts_and_whether_their_labels_agree(study: Path) -> None:
    cases = open_store(study / "store").cases
    table = twin_table(cases)
    assert table.groupby(["task", "twin"]).size().tolist() == [2] * 9 and table["same_labels"].all()
    cases.loc[cases.index[cases["case"] == table["case"].iloc[0]], "labels"] = "2"
    assert twin_table(cases)["same_labels"].tolist() == [0, 0, *[1] * 16]
    cases.loc[cases.index[cases["case"] == table["case"].iloc[2]], "labels"] = ""
    assert twin_table(cases)["same_labels"].tolist() == [0, 0, *[1] * 16], "a copy without labels contradicts none"


def test_the_step_draws_all_figures_and_writes_their_numbers(study: Path) -> None:
    figures = [f"eda/{figure}.svg" for figure in FIGURES]
    tables = [f"eda/{figure}.csv" for figure in FIGURES]
    run = ran(study, "plot_eda.py", "--figures", *figures, "--tables", *tables, "--twins", "eda/twins.csv")
    assert run.returncode == 0, run.stderr
    cases = open_store(study / "store").cases
    for name, count in zip(FIGURES, (images_a_finding, labels_an_image, findings_together, image_sizes), strict=False):
        pd.testing.assert_frame_equal(pd.read_csv(study / f"eda/{name}.csv"), count(cases), atol=1e-4)
    assert all((study / figure).read_bytes().startswith(b"<?xml") for figure in figures)
    assert len(pd.read_csv(study / "eda/twins.csv")) == 18


def test_the_audit_proves_that_sound_splits_are_separate_and_counts_leaks(study: Path) -> None:
    settings = json.dumps({"train_share": 0.8, "shares": {"val": 0.1, "test": 0.2}, "seed": 4})
    words = ("--lists", "lists.csv", "--settings", settings, "--audit", "audit.json", "--leaks", "leaks.csv")
    run = ran(study, "audit.py", *words)
    assert run.returncode == 0, run.stderr
    audit = json.loads((study / "audit.json").read_text())
    assert audit["cases"].keys() == {"train", "val", "test"} and sum(audit["cases"].values()) == 240
    assert all(key["in_two_splits"] == 0 for key in audit["keys"].values())
    assert audit["twins"] == dict.fromkeys(TASKS, 6)
    leaks = pd.read_csv(study / "leaks.csv")
    found = leaks.set_index(["task", "subject", "what"])["found"]
    assert found["endo", "split by_challenge", "scored images whose group is trained on"] >= 2, "twins in the test"
    assert found["endo", "train_20 and val_20", "studies in both"] > 0
    published = leaks.set_index(["task", "subject", "what"])["as_published"]
    assert published["endo", "train_20 and val_20", "studies in both"] == "22"
    assert published["chest", "test_WithLabel", "positives of elevated_diaphragm"] == "4"


def test_an_audit_of_splits_that_are_not_separate_says_so(study: Path) -> None:
    settings = json.dumps({"train_share": 0.8, "shares": {"val": 0.1, "test": 0.0}, "seed": 0})
    words = ("--lists", "lists.csv", "--settings", settings, "--audit", "none.json", "--leaks", "none.csv")
    run = ran(study, "audit.py", *words)
    assert (
        run.returncode == 2 and "chest, sound: expected images with labels for each of train, val, test" in run.stderr
    )
    assert not (study / "none.json").exists() and not (study / "none.csv").exists()
