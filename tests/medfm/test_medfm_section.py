"""The findings study's figures and its section of the report: every number from a table, every figure described."""

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import cv2
import pandas as pd
import pytest

import medfm_tables as example
from medfm.analysis.leaks import IN_VALIDATION
from medfm.analysis.protocols import TASKS
from medfm.analysis.section import by_finding, in_table_of_measures
from medfm.plot_training import read_history
from reprise.report.blocks import prepared, read_section
from reprise.step.errors import InputError

pytestmark = pytest.mark.usefixtures("no_warnings")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return example.score(example.make_results(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="module")
def figures(study: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return example.draw_all(study, tmp_path_factory.mktemp("figures"))


@pytest.fixture(scope="module")
def section(study, figures) -> dict:
    return read_section(example.describe(study, figures[0].parent, figures))


def test_the_section_is_complete_and_its_words_have_the_measured_values(study, figures, section) -> None:
    blocks = prepared(section["blocks"], "medfm", 0)
    assert {"kind", "title"} <= set.intersection(*map(set, blocks)) and len(blocks) >= 16
    assert all(block["caption"] for block in blocks if block["kind"] != "text")
    metrics = pd.read_csv(study / "metrics.csv").set_index(["protocol", "quantity"])["value"]
    for protocol, quantity in (("published", "densenet121/writeup/endo/map"), ("sound", "densenet121/endo/map")):
        assert f"{metrics[protocol, quantity]:.4f} (" in " ".join(section["summary"])
    words = json.dumps(section, ensure_ascii=False)
    assert "start from random weights in this run" in words and "Crosses are the 1 published points" in words
    assert "{{" not in words and "None" not in words
    picture = cv2.imread(section["picture"]["image"])
    assert picture.shape == (192, 192, 3)


def test_without_random_weights_nothing_is_said_of_them(study, figures, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(example, "INITIAL", "imagenet")
    summary = " ".join(read_section(example.describe(study, tmp_path, figures))["summary"])
    assert "random weights" not in summary and "Networks are smaller" in summary


def test_words_about_the_data_follow_its_tables(study, section, figures, tmp_path) -> None:
    words = json.dumps(section, ensure_ascii=False)
    gallery = next(block for block in section["blocks"] if block["kind"] == "gallery")["caption"]
    assert "without 23 maps for which it is not defined" in gallery and "23 maps are empty" in gallery
    assert "0 of 240 images of endoscopy are square already" in words, "none is square"
    assert "The challenge's test images have none with tumour (endoscopy)." in words
    assert "val_20: 0." in words and "hold 0 of 72 (chest X-rays), 0 of 72 (colon pathology)" in words
    other = tmp_path / "study"
    shutil.copytree(study, other)
    leaks = pd.read_csv(other / "leaks.csv", dtype=str, keep_default_na=False)
    leaks.loc[leaks["what"] == IN_VALIDATION, "found"] = "3"
    leaks.loc[(leaks["subject"] == "train_20 and val_20") & (leaks["what"] == "studies in both"), "found"] = "7"
    leaks.to_csv(other / "leaks.csv", index=False)
    findings = pd.read_csv(other / "per_finding.csv")
    findings["positives"] = findings["positives"].clip(lower=1)
    findings.to_csv(other / "per_finding.csv", index=False)
    changed = json.dumps(read_section(example.describe(other, tmp_path, figures)), ensure_ascii=False)
    assert "val_20: 7." in changed and "hold 6 of 72 (chest X-rays), 6 of 72 (colon pathology)" in changed
    assert "The challenge's test images have none" not in changed


def test_each_quantity_stands_in_one_table(study, section) -> None:
    quantities = pd.read_csv(study / "metrics.csv")["quantity"]
    wide = quantities[in_table_of_measures(quantities)]
    tables = {block["title"]: pd.read_csv(block["csv"]) for block in section["blocks"] if block["kind"] == "table"}
    assert len(tables["All measures by both protocols"]) == wide.nunique()
    assert {"densenet121/endo/map", "densenet121/writeup/chest/map_epoch5"} <= set(wide)
    assert not set(wide) & {"densenet121/endo/polyp/auc", "vit_tiny/lora/endo/5-shot/map", "data/chest/images"}
    assert len(tables["Each finding"]) == len(example.NETWORKS) * sum(map(len, TASKS.values()))
    shots = tables["Few-shot methods"]
    assert len(shots) == 3 * 3 * 2 and shots["1 shot"].str.contains(" ± ").all() and set(shots["trainings"]) == {3, 6}
    leaks = tables["What lists and splits share"]
    assert {"in the published lists", "here"} <= set(leaks) and not leaks["what"].str.startswith("positives").any()


def test_a_finding_without_a_positive_image_is_named_in_its_table(study) -> None:
    table = by_finding(pd.read_csv(study / "per_finding.csv"))
    row = table.query("network == 'densenet121' and task == 'endoscopy' and finding == 'tumour'").iloc[0]
    assert row["AP, challenge's split"] == "no positive image" and row["positive there"] == "0 of 96"
    assert row["AP"].endswith(")"), "the sound split has some, with an interval"


def test_figures_are_vector_and_the_same_each_time(study, figures, tmp_path) -> None:
    again = example.draw_all(study, tmp_path)
    for old, new in list(zip(figures, again, strict=True))[len(example.EDA) :]:
        assert old.read_bytes() == new.read_bytes() and new.stat().st_size < 150_000
        assert old.with_suffix(".csv").read_bytes() == new.with_suffix(".csv").read_bytes()
        assert not {"text", "image"} & {element.tag.rpartition("}")[2] for element in ElementTree.parse(new).iter()}


def test_published_points_are_drawn_where_ours_reach_and_by_the_measure_of_their_task(figures) -> None:
    training, shots = (
        pd.read_csv(path.with_suffix(".csv")) for path in figures if path.stem in ("training", "few_shot")
    )
    points = training[training["run"] == "published"]
    assert points[["task", "epoch", "value"]].to_numpy().tolist() == [["endo", 5, 0.3675]]
    points = shots[shots["protocol"] == "published"]
    assert points[["task", "shots", "measure", "mean"]].to_numpy().tolist() == [
        ["endo", 5, "map", 0.2388],
        ["colon", 10, "auc", 0.9714],
        ["colon", 10, "auc", 0.9762],
    ]
    assert set(training["protocol"]) == {"by_writeup", "by_challenge", "sound"} and (training["kept"].sum() == 18)


@pytest.mark.parametrize(
    ("protocol", "task", "kept"),
    [("by_writeup", "endo", 2), ("by_challenge", "endo", 3), ("sound", "colon", 3), ("by_challenge", "colon", 1)],
)
def test_the_epoch_kept_is_the_one_that_the_protocol_chooses(protocol, task, kept, tmp_path) -> None:
    path = tmp_path / "densenet121-seed0" / protocol / task / "log.csv"
    path.parent.mkdir(parents=True)
    values = {"accuracy": [0.9, 0.5, 0.5], "map": [0.5, 0.9, 0.5], "auc": [0.5, 0.5, 0.9]}
    named = "test" if protocol == "by_writeup" else "val"
    columns = {f"{named}_{name}": column for name, column in values.items()}
    pd.DataFrame({"epoch": [1, 2, 3], **columns}).to_csv(path, index=False)
    table = read_history(path)
    assert table.loc[table["kept"] == 1, "epoch"].tolist() == [kept]


def test_a_history_without_epochs_or_in_another_folder_is_refused(tmp_path) -> None:
    path = tmp_path / "densenet121-seed0" / "sound" / "chest" / "log.csv"
    path.parent.mkdir(parents=True)
    path.write_text("epoch,val_map\n")
    with pytest.raises(InputError, match=r"log\.csv: no epochs"):
        read_history(path)
    other = path.parent.with_name("knee") / "log.csv"
    with pytest.raises(InputError, match="expected a folder named chest, colon, endo"):
        read_history(other)
