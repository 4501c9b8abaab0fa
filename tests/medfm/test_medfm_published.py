"""The published figures of the findings study: their sums, and that ours stand beside those that are compared."""

import pandas as pd
import pytest
import yaml

import medfm_tables as example
from medfm.analysis.protocols import TASKS
from medfm.analysis.task_rows import GIVEN, REPORTED
from project import ROOT
from reprise.report.board import study_board
from reprise.report.published import Published, read_published
from reprise.report.scoreboard import obstacles, read_metrics, read_setup, scoreboard
from setting_changes import changed, leaves

SWIN = "swin_base_patch4_window12_384"


@pytest.fixture(scope="module")
def published() -> Published:
    return read_published(ROOT / "config" / "published.yaml")


@pytest.fixture(scope="module")
def values(published: Published) -> dict[str, float]:
    return {
        figure.quantity: figure.value
        for figure in published.studies["medfm"].figures
        if figure.source != "medfm_master"
    }


def test_counts_add_up(values) -> None:
    chest = [values[f"data/chest/images_{name}"] for name in TASKS["chest"]]
    assert sum(chest) == 8849 and max(chest) == 1300
    assert values["data/colon/images_without"] + values["data/colon/images_tumor"] == values["data/colon/images"]
    sets = {"chest": (2140, 2708), "colon": (5654, 4355), "endo": (1810, 2055)}
    assert {task: values[f"data/{task}/images"] for task in TASKS} == {task: sum(parts) for task, parts in sets.items()}


def test_the_write_up_has_a_point_for_each_epoch_and_task(values) -> None:
    for task, measure in GIVEN.items():
        points = [values[f"densenet121/writeup/{task}/{measure}_epoch{epoch}"] for epoch in REPORTED]
        assert all(0.1 < point < 1 for point in points)
        if task != "chest":
            assert values[f"densenet121/writeup/{task}/{measure}"] > max(points), "the best of 40 epochs"
    assert "densenet121/writeup/chest/map" not in values, "which still rises"


def test_few_shot_figures_rise_with_shots_and_their_context_has_five_networks(published, values) -> None:
    for task, measure in GIVEN.items():
        for name in (measure, "auc"):
            by_shots = [values[f"{SWIN}/challenge/{task}/{shots}-shot/{name}"] for shots in (1, 5, 10)]
            assert by_shots == sorted(by_shots)
    study = published.studies["medfm"]
    assert len(study.context) == 5 and all(group.startswith("later/") for group in study.context)


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Metrics of a made-up run that trained the published networks."""
    folder = example.make_results(tmp_path_factory.mktemp("results"))
    metrics = pd.read_csv(example.score(folder) / "metrics.csv")
    metrics["quantity"] = metrics["quantity"].str.replace("^vit_tiny", SWIN, regex=True)
    others = [metrics[metrics["quantity"].str.startswith("densenet121")].copy() for _ in range(2)]
    for table, network in zip(others, ("efficientnet_b4", SWIN), strict=True):
        table["quantity"] = table["quantity"].str.replace("densenet121", network)
    return pd.concat([metrics, *others])


def test_each_figure_that_is_compared_has_ours_beside_it_by_both_protocols(published, metrics) -> None:
    study = published.studies["medfm"]
    known = {name: set(own["quantity"]) for name, own in metrics.groupby("protocol")}
    judged = [figure for figure in study.figures if figure.quantity.rpartition("/")[0] not in study.context]
    beyond = [f"_epoch{epoch}" for epoch in REPORTED if epoch > example.EPOCHS]
    missing = {figure.quantity for figure in judged} - known["published"]
    assert all(quantity.endswith(tuple(beyond)) or "/10-shot/" in quantity for quantity in missing)
    sound = {figure.sound_quantity for figure in judged if figure.sound_quantity}
    assert all("/10-shot/" in quantity for quantity in sound - known["sound"]) and len(sound) > 20
    assert published.measure(study.headline.quantity).label.startswith("Mean average precision")


def test_the_published_schedule_compares_and_the_demo_says_why_it_does_not(published) -> None:
    config = yaml.safe_load((ROOT / "config" / "medfm.yaml").read_text())
    counts = {
        figure.quantity: figure.value for figure in published.studies["medfm"].figures if "/images" in figure.quantity
    }
    setup = {"data": {"medfm": "raw"}, "schedule": "published", "parameters": {"medfm": config["published"]}}
    assert obstacles("medfm", read_setup(setup), published, counts) == []
    other = read_setup(setup | {"parameters": {"medfm": config["published"] | {"initial": "random"}}})
    assert obstacles("medfm", other, published, counts) == ["initial is random, published with imagenet"]
    fewer = counts | {"data/endo/images": 100}
    assert obstacles("medfm", read_setup(setup), published, fewer) == [
        "another data set: 100 images, published with 3865"
    ]


# Settings that no published figure depends on, and all below them.
WITHOUT_FIGURE = (
    *("challenge.networks.vit", "challenge.networks.other"),  # the challenge's figures are of three other networks
    *("few_shot.prompts.vit", "few_shot.prompts.vit_base_patch16_clip", "few_shot.prompts.other"),  # of Swin alone
    *("few_shot.linear_probe", "few_shot.logistic_regression", "few_shot.lora", "few_shot.full"),  # methods of ours
    *("few_shot.shots", "few_shot.methods"),  # which rows there are, not what they say
    *("sound", "few_shot.decay.sound", "explain", "bootstrap", "phantom"),
)
MORE_SETTINGS = {  # a user may add these, beside those that the file has
    "arguments.densenet121": {"growth_rate": 8},
    "arguments.efficientnet_b4": {"drop_rate": 0.5},
    f"arguments.{SWIN}": {"depths": [1, 1, 1, 1]},
    "challenge.networks.densenet121": {"clip": 1},
    "challenge.networks.densenet.optimiser.decay_vectors": False,
    f"few_shot.prompts.{SWIN}": {"tokens": 50},
    "few_shot.experiments": [4],
    "writeup.decay.milestones": [1],
    "store_size": 32,
}


def settings_behind_figures() -> dict[str, object]:
    """Each setting that a published figure depends on, with another value."""
    study = yaml.safe_load((ROOT / "config" / "medfm.yaml").read_text())["published"]
    names = [name for name in leaves(study) if not f"{name}.".startswith(tuple(f"{one}." for one in WITHOUT_FIGURE))]
    return dict.fromkeys(names) | MORE_SETTINGS


@pytest.mark.parametrize(("name", "value"), settings_behind_figures().items())
def test_another_value_of_each_setting_behind_a_figure_says_why_nothing_compares(name, value, published) -> None:
    study = {"published": yaml.safe_load((ROOT / "config" / "medfm.yaml").read_text())["published"]}
    if value is None:
        study = changed(study, [("published", name)])
    else:
        *above, key = name.split(".")
        place = study["published"]
        for part in above:
            place = place[part]
        place[key] = value
    setup = read_setup({"data": {"medfm": "raw"}, "schedule": "published", "parameters": {"medfm": study["published"]}})
    counts = {figure.quantity: figure.value for figure in published.studies["medfm"].figures}
    (reason,) = obstacles("medfm", setup, published, counts)
    assert reason.startswith(f"{name} is ") and ", published with " in reason


def test_the_headline_has_ours_by_both_protocols(published, metrics, tmp_path) -> None:
    metrics.to_csv(tmp_path / "metrics.csv", index=False)
    config = yaml.safe_load((ROOT / "config" / "medfm.yaml").read_text())
    setup = read_setup(
        {"data": {"medfm": "phantom"}, "schedule": "published", "parameters": {"medfm": config["published"]}}
    )
    rows = scoreboard(published, {"medfm": read_metrics(tmp_path / "metrics.csv")}, setup)
    board = study_board("medfm", rows, setup, published)
    assert board["headline"]["published"] == "0.5847" and all(board["headline"]["ours"])
    assert {ours["verdict"] for ours in board["headline"]["ours"]} == {"not comparable"}
    assert board["groups"][0]["first"] and len(board["groups"][0]["rows"]) == len(REPORTED) + 1
