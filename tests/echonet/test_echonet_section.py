"""The study's section of the report: every figure, video and table in its place, in words that its numbers bear out."""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from echonet import describe
from figure_example import FIGURES, draw_by_step, make_study, write_measures
from project import ROOT
from reprise.step.errors import InputError


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_study(tmp_path_factory.mktemp("study"), 12)
    write_measures(folder)
    return folder


@pytest.fixture(scope="module")
def figures(study: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("figures")
    return {name: draw_by_step(study, folder, name) for name in FIGURES}


def describe_study(study: Path, folder: Path, figures: Iterable[Path]) -> None:
    """Run the step that describes the study, with one video, in this process."""
    (folder / "videos").mkdir()
    (folder / "videos" / "videos.csv").write_text("case,ef,frames,fps,systoles\n0X1E5,41.6,40,25,2\n")
    recipe = {
        "width": 0.125,
        "weights": "random",
        "epochs": 3,
        "batch_size": 8,
        "frames": 32,
        "period": 2,
        "downsample": 4,
    }
    models = {"segmentation": ["deeplabv3_resnet50"], "ef": ["r2plus1d_18"]}
    measures = yaml.safe_load((ROOT / "config" / "published.yaml").read_text())["measures"]
    settings = {"data": "phantom", "models": models, "segmentation": recipe, "ef": recipe, "measures": measures}
    tables = [part for name in ("metrics", "quirks", "findings") for part in (f"--{name}", study / f"{name}.csv")]
    options = ["--store", study / "store", "--settings", json.dumps(settings), *tables, "--figures", *figures]
    options += [
        "--videos",
        folder / "videos",
        "--protocols",
        folder / "protocols.csv",
        "--section",
        folder / "section.json",
    ]
    describe.main(describe.arguments().parse_args(list(map(str, options))))


def test_section_describes_every_figure_in_the_order_of_the_story(study, figures, tmp_path) -> None:
    describe_study(study, tmp_path, reversed(figures.values()))
    section = json.loads((tmp_path / "section.json").read_text())
    kinds = [block["kind"] for block in section["blocks"]]
    assert kinds == ["text"] + ["figure"] * 5 + ["videos"] + ["figure"] * 4 + ["table"] * 3
    parts = [block["part"] for block in section["blocks"] if "part" in block]
    assert parts == ["Training"] * 2 + ["Segmentation"] * 2 + ["Beats"] * 2 + ["Ejection fraction"] * 4
    assert Path(section["picture"]["image"]).name == "0X1E5.webp"
    assert [Path(block["svg"]).stem for block in section["blocks"] if block["kind"] == "figure"] == FIGURES
    words = " ".join(block["caption"] + block["alt"] for block in section["blocks"] if block["kind"] == "figure")
    assert "nan" not in words and "video 1: EF" in words and "0X" not in words, "figures show no names of files"
    assert "12 for testing" in section["summary"][0]
    assert "is 4.25 (3.75\N{EN DASH}4.75) from all clips, 9.50" in section["summary"][2]
    wide = pd.read_csv(tmp_path / "protocols.csv")
    assert list(wide["measure"]) == ["Dice, both frames", "Mean absolute error", "Mean absolute error"]


def test_a_figure_without_caption_or_numbers_is_refused(study, figures, tmp_path) -> None:
    (tmp_path / "roc.csv").write_text("a,b\n")
    others = {name: path for name, path in figures.items() if name != "roc"}
    for name, message in {
        "unheard_of": "no caption for unheard_of; no figure roc",
        "roc": "not the numbers of the figure roc",
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        with pytest.raises(InputError, match=message):
            describe_study(study, folder, [*others.values(), tmp_path / f"{name}.svg"])
        assert not (folder / "section.json").exists()
