"""What a bundle says of its data and its scores, which networks get one, and which packages it needs."""

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import yaml

from bundle.networks import trained_networks
from bundle.origin import origin_of
from bundle.requirements import required_packages
from bundle.scores import scores_of
from project import ROOT
from reprise.report.bundle_card import Card
from reprise.report.published import read_published

PUBLISHED = read_published(ROOT / "config/published.yaml")


def card(**own: Any) -> Card:
    empty = dict.fromkeys(Card._fields, "") | {"code": ModuleType("code"), "reading": {}}
    return Card(**empty | own)


def test_the_first_line_says_whether_a_network_may_be_passed_on() -> None:
    lesions = card(data="a registered set", terms="no redistribution")
    known = yaml.safe_load((ROOT / "config/datasets.yaml").read_text())["mslesion"]["open_ms_data"]
    made, named, other = (origin_of(lesions, *each) for each in (("phantom", None), ("raw", known), ("raw", None)))
    assert made.first_line.startswith("Of no use for images of persons") and "registered" not in " ".join(made)
    assert "CC BY" in named.first_line and named.terms == "CC BY" and "Lesjak" in named.data
    assert other.first_line.startswith("Not to be passed on: ") and "no redistribution" in other.first_line


def test_scores_are_those_of_the_network_by_its_protocol() -> None:
    rows = [
        ("sound", "unet/test/dice", 0.8, 0.7, 0.9),
        ("sound", "unet/test/epoch3/dice", 0.1, None, None),
        ("published", "unet/test/dice", 0.6, None, None),
        ("sound", "unet_2d/test/dice", 0.5, None, None),
    ]
    metrics = pd.DataFrame(rows, columns=["protocol", "quantity", "value", "ci_low", "ci_high"])
    metrics = metrics.assign(unit="1", ci_level=0.95, n=4)
    board = metrics[["protocol", "quantity"]].assign(published=0.9, source="A 2020", verdict="worse")
    (score,) = scores_of(card(protocols=["sound"], scores=["unet/"]), metrics, board, PUBLISHED)
    assert [score[name] for name in ("quantity", "label", "value", "ci_low", "ci_high")] == [
        *("unet/test/dice", "Dice", 0.8, 0.7, 0.9)
    ]
    assert score["compares_with"] == [{"published": 0.9, "source": "A 2020", "verdict": "worse"}]
    (other,) = scores_of(card(protocols=["published"], scores=["unet/"]), metrics, board, PUBLISHED)
    assert other["value"] == 0.6 and "ci_low" not in other


def test_networks_have_the_names_that_the_metrics_call_them() -> None:
    outputs = [
        ["results/a/unet-seed10/sound/fold1/weights.safetensors", "results/a/unet-seed10/sound/fold1/log.csv"],
        ["results/a/unet-seed2/sound/fold1/weights.safetensors"],
        ["results/b/ef/net-seed10/sound.safetensors"],
    ]
    dag: Any = SimpleNamespace(jobs=[SimpleNamespace(output=each) for each in outputs])
    found = {(each.study, str(each.folder)): each.name for each in trained_networks(dag)}
    assert found == {
        ("a", "a/unet-seed10/sound/fold1"): "unet-seed10",
        ("a", "a/unet-seed2/sound/fold1"): "unet",
        ("b", "b/ef/net-seed10/sound"): "net",
    }


def test_packages_have_the_names_by_which_they_are_installed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import os\nimport mine.part\n\n\ndef f():\n    from PIL import Image\n    import cv2\n")
    assert [*required_packages([program], ["mine"])] == [
        *("monai", "numpy", "opencv-python-headless", "pillow", "torch")
    ]
