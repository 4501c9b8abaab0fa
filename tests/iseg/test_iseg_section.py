"""The infant brain study's section: every figure and table has its words, and the words hold for other results, too."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

import iseg_study as steps
import iseg_tables as example
from iseg.analysis.section import of_no_tissue, two_unets
from project import ROOT
from reprise.data.store import open_store, write_store
from reprise.report.blocks import read_section
from reprise.report.published import read_published


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return steps.make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def figures(study: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return steps.draw_all(study, tmp_path_factory.mktemp("figures"))


def test_the_section_shows_every_figure_and_table_in_the_order_of_the_story(study, figures, tmp_path) -> None:
    section = read_section(steps.describe(study, tmp_path, figures))
    kinds = [block["kind"] for block in section["blocks"]]
    assert kinds == ["figure"] * 3 + ["text"] * 2 + ["figure"] * 4 + ["table"] * 6
    drawn = [Path(block["svg"]).stem for block in section["blocks"] if block["kind"] == "figure"]
    assert drawn == list(steps.FIGURES)
    words = json.dumps(section, ensure_ascii=False)
    assert "nan" not in words.replace("nnunet", "") and "None" not in words
    assert not re.search(r"[a-z]\s+[,;.]|\.\.", words.replace(str(tmp_path), ""))
    assert "3 subjects with labels and 1 without" in section["summary"][0]
    metrics = pd.read_csv(study / "metrics.csv").set_index(["protocol", "quantity"])["value"]
    assert f"{metrics['published', 'unet3d/thesis/crops/dice']:.4f} on 10 crops of one subject" in section["summary"][2]
    assert section["sound_headline"]["value"].startswith(f"{metrics['sound', 'unet3d/subjects/dice']:.4f} (")
    assert "The published 12.34 % is not a Dice of brains." in words
    assert "This run did not train both." in words and "left and right are not known" in words


def test_the_answer_stands_below_the_figure_and_not_in_its_description(study, figures, tmp_path) -> None:
    section = read_section(steps.describe(study, tmp_path, figures))
    (block,) = [block for block in section["blocks"] if block["title"] == "Which is which?"]
    table = pd.read_csv(figures[3].with_suffix(".csv")).drop_duplicates("subject")
    answers = re.findall(r"in (subject-\d+) \(Dice [\d.]+\) ([AB]) is the truth", block["caption"])
    assert answers == list(zip(table["subject"], table["truth"], strict=True))
    assert "truth" not in block["alt"]


@pytest.mark.parametrize("stated", [False, True])
def test_the_caption_says_how_slices_lie(study, figures, tmp_path, stated) -> None:
    folder = _linked(study, tmp_path / "study", "store")
    store = open_store(study / "store")
    write_store(folder / "store", store.cases.assign(stated=int(stated)), store.arrays)
    section = read_section(steps.describe(folder, tmp_path, figures))
    (block,) = [block for block in section["blocks"] if block["title"] == "Which is which?"]
    assert ("The right of the head is on the right of axial and coronal slices" in block["caption"]) == stated
    assert ("Planes are named as if the first axis ran to a side" in block["caption"]) != stated


def test_a_single_example_is_called_the_lowest(study, figures, tmp_path) -> None:
    shown = [tmp_path / path.name for path in figures]
    for path, copy in zip(figures, shown, strict=True):
        copy.symlink_to(path)
        copy.with_suffix(".csv").symlink_to(path.with_suffix(".csv"))
    for name in ("brain.webp", "brain.png"):
        (tmp_path / name).symlink_to(figures[0].with_name(name))
    single = tmp_path / "slices.csv"
    table = pd.read_csv(single)
    single.unlink()
    table[table["rank"] == 1].to_csv(single, index=False)
    section = read_section(steps.describe(study, tmp_path, shown))
    (block,) = [block for block in section["blocks"] if block["title"] == "Which is which?"]
    assert "1 of 3 subjects, not picked by hand: the one with the lowest Dice." in block["caption"]


def test_each_measure_stands_in_one_table_and_each_network_in_the_family(study, figures, tmp_path) -> None:
    steps.describe(study, tmp_path, figures)
    metrics = pd.read_csv(study / "metrics.csv")
    tissues = pd.read_csv(tmp_path / "tissues.csv").set_index(["network", "tissue"])
    assert len(tissues) == 3 * 3 and not tissues.isna().any(axis=None)
    value = metrics.set_index(["protocol", "quantity"])["value"]["sound", "vnet/subjects/asd_gm"]
    assert tissues.loc[("vnet", "GM"), "average surface distance (mm)"].startswith(f"{value:.3f} (")
    wide = metrics[of_no_tissue(metrics["quantity"])]["quantity"]
    assert len(pd.read_csv(tmp_path / "protocols.csv")) == wide.nunique()
    assert "unet3d/thesis/crops/dice_air" in set(wide) and "unet3d/subjects/dice_gm" not in set(wide)
    assert pd.read_csv(tmp_path / "unlabelled.csv").to_dict("records") == [
        {"subject": "subject-11", "CSF (ml)": 10.5, "GM (ml)": 20.2, "WM (ml)": 15.0}
    ]
    family = pd.read_csv(tmp_path / "family.csv")
    assert family["network"].tolist() == ["unet3d", "vnet", "nnunet_3d", "densenet1"], "those trained first"
    assert family["parameters"].iloc[0] == 1_781_744 and family["Dice"].isna().tolist() == [False] * 3 + [True]


def test_the_two_u_nets_are_compared_subject_by_subject(study, figures, tmp_path) -> None:
    rows = [
        {"network": network, "protocol": "sound", "subject": subject, "tissue": tissue, "dice": dice + shift}
        for network, shift in (("unet3d", 0.0), ("cicek_unet3d", 0.02))
        for subject, dice in ((1, 0.9), (2, 0.8))
        for tissue in ("csf", "gm", "wm")
    ]
    scores = pd.DataFrame(rows)
    scores.loc[scores["subject"] == 2, "dice"] = 0.8
    assert two_unets(scores) == pytest.approx({"mean": -0.01, "low": -0.02, "high": 0.0, "subjects": 2, "ahead": 0})
    assert two_unets(scores[scores["network"] == "unet3d"]) is None
    other = _linked(study, tmp_path / "other", "scores.csv")
    scores.to_csv(other / "scores.csv", index=False)
    words = json.dumps(read_section(steps.describe(other, tmp_path, figures)), ensure_ascii=False)
    assert "In whole volumes of 2 unseen subjects, unet3d minus cicek_unet3d is \N{MINUS SIGN}0.0100" in words


def test_a_run_without_published_values_has_no_empty_sentence(study, figures, tmp_path) -> None:
    other = _linked(study, tmp_path / "other", "metrics.csv")
    pd.read_csv(study / "metrics.csv").query("protocol == 'sound'").to_csv(other / "metrics.csv", index=False)
    section = read_section(steps.describe(other, tmp_path, figures))
    assert len(section["summary"]) == 3 and "behind the published figure" not in " ".join(section["summary"])


def _linked(study: Path, folder: Path, without: str) -> Path:
    """A folder with all results but one."""
    folder.mkdir()
    for path in study.iterdir():
        if path.name != without:
            (folder / path.name).symlink_to(path)
    return folder


def test_published_figures_are_of_quantities_that_the_study_measures_or_context(study) -> None:
    published = read_published(ROOT / "config" / "published.yaml").studies["iseg"]
    measured = set(pd.read_csv(study / "metrics.csv")["quantity"])
    judged = [figure for figure in published.figures if figure.quantity.rpartition("/")[0] not in published.context]
    assert {figure.quantity for figure in judged} <= measured and len(judged) >= 5
    assert not [figure for figure in judged if "mhd" in figure.quantity], "never beside our 95 % Hausdorff"
    sound = {figure.quantity_of("sound") for figure in judged if figure.quantity != figure.quantity_of("sound")}
    assert sound == set() and example.NETWORKS[0] in published.headline.quantity
