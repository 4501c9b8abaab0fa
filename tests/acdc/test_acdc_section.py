"""The heart study's section: every figure and table has its words, and the words hold for other results, too."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import heart_steps as steps
import heart_tables as example
from acdc.analysis.section import wide_measures
from acdc.analysis.shown import method_name
from project import ROOT
from reprise.report.blocks import read_section
from reprise.report.published import read_published


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = example.make_study(tmp_path_factory.mktemp("study"))
    example.write_costs(folder)
    example.write_cine(folder)
    return folder


@pytest.fixture(scope="module")
def figures(study: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("figures")
    return [steps.draw_by_step(study, folder, name) for name in steps.FIGURES]


def test_the_section_shows_every_figure_film_and_table_in_the_order_of_the_story(study, figures, tmp_path) -> None:
    section = read_section(steps.describe(study, tmp_path, figures))
    kinds = [block["kind"] for block in section["blocks"]]
    assert kinds == ["figure", "text", "figure", "videos"] + ["figure"] * 4 + ["table"] * 9
    drawn = [Path(block["svg"]).stem for block in section["blocks"] if block["kind"] == "figure"]
    assert drawn == steps.FIGURES
    words = json.dumps(section)
    assert "nan" not in words and "None" not in words and not re.search(r"[a-z]\s+[,;.]", words)
    assert "2 for training, 1 for validation, 4 for testing" in section["summary"][0]
    assert "found: right ventricle blue, myocardium yellow, left ventricle red. Below:" in words
    assert "simplex" not in " ".join(section["summary"]), "a name for readers"
    assert section["sound_headline"]["value"].startswith("0.8400 (0.7000")


def test_tables_stand_beside_one_another_and_each_measure_in_one_of_them(study, figures, tmp_path) -> None:
    steps.describe(study, tmp_path, figures)
    wide = pd.read_csv(tmp_path / "protocols.csv")
    assert not wide["measure"].str.contains("LV at ED").any()
    structures = pd.read_csv(tmp_path / "structures.csv")
    assert len(structures) == len(example.METHODS) * 3 * 2
    row = structures[(structures["structure"] == "left ventricle") & (structures["phase"] == "ED")].iloc[0]
    assert row["Dice"].startswith("0.900 (") and row["Hausdorff distance (mm)"].startswith("5.00 (")
    ensembles = pd.read_csv(tmp_path / "ensembles.csv").set_index("method")
    assert ensembles.loc["best weights", "weights"] == "0.75 / 0.25"
    assert ensembles.loc["equal weights", "gain, test"].startswith("0.0300 (\N{MINUS SIGN}0.0100 to 0.0500)")
    calibrated = pd.read_csv(tmp_path / "calibrated.csv").set_index(["method", "measure"])
    assert calibrated.loc[("unet", "NLL")].tolist() == [0.1, 0.09]
    agreement = pd.read_csv(tmp_path / "agreement.csv")
    assert set(agreement["quantity"]) == {"EF of the LV (points)"} and len(agreement) == len(example.METHODS)
    assert agreement["bias"].iloc[0] == "\N{MINUS SIGN}1.50 (\N{MINUS SIGN}3.00 to 0.50)"
    priced = pd.read_csv(tmp_path / "priced.csv")
    assert list(priced["method"][:3]) == [*example.NETWORKS, example.BASELINE]


def test_a_study_with_one_structure_and_no_published_values_has_no_empty_sentence(study, figures, tmp_path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for path in study.iterdir():
        (other / path.name).symlink_to(path)
    metrics = pd.read_csv(study / "metrics.csv").query("protocol == 'sound'")
    for name in ("metrics.csv", "costs.csv"):
        (other / name).unlink()
    metrics[~metrics["quantity"].str.contains("gain")].to_csv(other / "metrics.csv", index=False)
    costs = pd.read_csv(study / "costs.csv")
    costs.assign(gain=np.nan, gain_per_ms=np.nan, training_s=np.nan).to_csv(other / "costs.csv", index=False)
    for column in ("mass", "ef"):
        empty = pd.read_csv(figures[0].with_name(f"{column}.csv")).head(0)
        path = tmp_path / f"{column}.csv"
        empty.to_csv(path, index=False)
        path.with_suffix(".svg").write_text("<svg/>")
    drawn = [tmp_path / path.name if path.stem in ("mass", "ef") else path for path in figures]
    section = read_section(steps.describe(other, tmp_path, drawn))
    assert len(section["summary"]) == 3, "nothing of a protocol that did not run"
    assert "Difference from the best" not in " ".join(section["summary"])
    (mass,) = [block for block in section["blocks"] if block["title"].startswith("Mass")]
    assert mass["caption"].startswith("The data has no labels of the myocardium")


def test_names_of_methods_are_for_readers() -> None:
    assert [method_name(name) for name in ("flips:unet", "seeds:fpn", "unet", "staple", "equal")] == [
        "flips of unet",
        "seeds of fpn",
        "unet",
        "STAPLE",
        "equal weights",
    ]
    quantities = pd.Series(
        ["unet/test/dice", "unet/test/dice_lv_ed", "unet/val/hd_rv_es", "unet/test/lv_ef_r", "data/slices"]
    )
    assert wide_measures(quantities).tolist() == [True, False, False, False, False]


def test_every_published_figure_of_the_protocol_is_on_the_scoreboard() -> None:
    figures = read_published(ROOT / "config" / "published.yaml").studies["acdc"]
    values = {(figure.quantity, figure.source): figure.value for figure in figures.figures}
    table = {"unet": (0.8295336, 0.9459696), "linknet": (0.8170118, 0.9405516), "fpn": (0.8225968, 0.9396603)}
    for network, (iou, f1) in table.items():
        assert values[f"{network}/test/running_iou", "aivengers"] == iou
        assert values[f"{network}/test/running_f1", "aivengers"] == f1
    searched = {"unet": (0.8197997, 0.82499), "linknet": (0.8025848, 0.80983), "fpn": (0.8097054, 0.81474)}
    searched |= {"equal": (0.8218475, 0.82754), "random_search": (0.8242573, 0.82978)}
    for method, runs in searched.items():
        found = tuple(values[f"{method}/searched/iou", source] for source in ("aivengers", "aivengers_150"))
        assert found == runs
    best = max(searched[network][0] for network in table)
    assert searched["random_search"][0] - best == pytest.approx(0.00445, abs=1e-5), "the gain that the write-up names"
    assert len([key for key in values if key[0].startswith("board/")]) == 7 + 7 + 7 + 5 + 2 + 6
    assert set(figures.context) >= {
        quantity.rpartition("/")[0] for quantity, _ in values if quantity.startswith("board/")
    }
