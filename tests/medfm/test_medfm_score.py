"""The tables of measures and habits of the findings study, against plain formulations of the same."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score

import medfm_tables as example
from medfm.analysis.habits import habit_rows
from medfm.analysis.measures import calibration_errors, measured, published_means, sound_means
from medfm.analysis.protocols import PROTOCOLS, TASKS, of_task, truth_of
from medfm.analysis.ranks import Ranks, ranks
from medfm.analysis.results import Result, Scored, scored_of
from medfm.analysis.task_rows import Task, data_counts, measure_tasks, prefix_of, task_rows
from reprise.data.store import open_store
from reprise.evaluation.estimates import Sampling

pytestmark = pytest.mark.usefixtures("no_warnings")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return example.score(example.make_results(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="module")
def metrics(study: Path) -> pd.DataFrame:
    return pd.read_csv(study / "metrics.csv").set_index(["protocol", "quantity"])


def scored(study: Path, protocol: str, task: str) -> tuple[np.ndarray, np.ndarray]:
    """Truth and scores of the first network's test images, read without the code of the study."""
    table = pd.read_csv(study / "densenet121-seed0" / protocol / task / "scores.csv")
    labels = example.cases().set_index("case").loc[table["case"]]
    return truth_of(labels), table[[*TASKS[task]]].to_numpy()


def test_means_leave_out_what_is_undefined_by_the_sound_protocol(study, metrics) -> None:
    truth, scores = scored(study, "sound", "chest")
    defined = truth.any(axis=0)
    ap = average_precision_score(truth[:, defined], scores[:, defined], average="macro")
    row = metrics.loc["sound", "densenet121/chest/map"]
    assert row["value"] == pytest.approx(ap, abs=1e-12) and row["ci_low"] < row["value"] < row["ci_high"]
    auc = roc_auc_score(truth[:, defined], scores[:, defined], average="macro")
    assert metrics.loc[("sound", "densenet121/chest/auc"), "value"] == pytest.approx(auc, abs=1e-12)
    truth, scores = scored(study, "sound", "colon")
    assert metrics.loc[("sound", "densenet121/colon/image_accuracy"), "value"] == pytest.approx(
        accuracy_score(truth[:, 0], scores[:, 0] > 0.5)
    )
    assert metrics.loc[("sound", "densenet121/colon/tumor/auc"), "value"] == pytest.approx(
        roc_auc_score(truth[:, 0], scores[:, 0])
    )


def test_the_published_convention_counts_an_undefined_finding_as_0_and_as_the_one_before(study, metrics) -> None:
    truth, scores = scored(study, "by_challenge", "endo")
    assert not truth[:, -1].any(), "as in the published test set"
    ap = [average_precision_score(truth[:, place], scores[:, place]) for place in range(3)]
    auc = [roc_auc_score(truth[:, place], scores[:, place]) for place in range(3)]
    found = {name: metrics.loc[("published", f"densenet121/challenge/endo/{name}"), "value"] for name in ("map", "auc")}
    assert found == pytest.approx({"map": sum(ap) / 4, "auc": (sum(auc) + auc[-1]) / 4}, abs=1e-12)
    habits = pd.read_csv(study / "quirks.csv").set_index(["quirk", "quantity"])
    for name, measure, sound in (
        ("An undefined finding counts 0", "map", np.mean(ap)),
        ("An undefined finding counts as the one before it", "auc", np.mean(auc)),
    ):
        row = habits.loc[name, f"densenet121/challenge/endo/{measure}"]
        assert row["published"] == pytest.approx(found[measure]) and row["sound"] == pytest.approx(sound)
        assert "No scored image has tumour" in row["note"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_each_training_is_measured_by_the_convention_of_its_protocol(protocol: str) -> None:
    random = np.random.default_rng(7)
    truth, scores = random.integers(0, 2, (30, 4)), random.random((30, 4))
    truth[:, 3] = 0
    test = made([*range(30)], truth.tolist(), scores.tolist())
    (row,) = measure_tasks([Result("densenet121", protocol, "endo", test)], Sampling(10, 0))
    ap = [average_precision_score(truth[:, place], scores[:, place]) for place in range(3)]
    auc = [roc_auc_score(truth[:, place], scores[:, place]) for place in range(3)]
    known = {"map": np.mean(ap), "auc": np.mean(auc)}
    wanted = known if protocol == "sound" else {"map": sum(ap) / 4, "auc": (sum(auc) + auc[-1]) / 4}
    assert {name: row.measured.means[name].value for name in wanted} == pytest.approx(wanted)
    rows = {found["quantity"]: found["value"] for found in task_rows([row])}
    prefix = prefix_of("densenet121", protocol, "endo")
    assert {name: rows[f"{prefix}/{name}"] for name in wanted} == pytest.approx(wanted)


def test_if_the_first_finding_is_undefined_the_published_auc_is_too_and_nothing_is_defined_of_nothing() -> None:
    found = Ranks(np.array([[np.nan, 0.5], [0.75, np.nan], [np.nan, np.nan]]), np.array([[np.nan, 0.4]] * 3))
    assert np.array_equal(published_means(found)["auc"], [np.nan, 0.75, np.nan], equal_nan=True)
    assert published_means(found)["map"].tolist() == [0.2] * 3
    assert np.array_equal(sound_means(found)["auc"], [0.5, 0.75, np.nan], equal_nan=True)


def made(groups: list[int], truth: list[list[int]], scores: list[list[float]]) -> Scored:
    """Scores of some images of endoscopy, which has four findings, of which one is given."""
    images = pd.DataFrame({"case": [f"e{place}" for place in range(len(groups))], "task": "endo", "labelled": 1})
    images["group"] = groups
    images["labels"] = ["".join(map(str, row)) for row in truth]
    return scored_of(images, np.array(scores))


def test_intervals_resample_whole_studies() -> None:
    random = np.random.default_rng(2)
    truth, scores = random.integers(0, 2, (40, 2)).tolist(), random.random((40, 2)).tolist()
    alone = measured(made([*range(40)], truth, scores), Sampling(300, 0), published=False)
    twice = [[row for row in rows for _ in range(4)] for rows in ([*range(40)], truth, scores)]
    together = measured(made(*twice), Sampling(300, 0), published=False)
    for name, estimate in alone.means.items():
        assert estimate == pytest.approx(together.means[name], abs=1e-12), "four like images of a study are one"
    parted = measured(made([*range(160)], *twice[1:]), Sampling(300, 0), published=False)
    assert parted.means["map"].high - parted.means["map"].low < 0.7 * (alone.means["map"].high - alone.means["map"].low)
    single = measured(made([0] * 40, truth, scores), Sampling(300, 0), published=False)
    assert single.means["map"].n == 1 and np.isnan(single.means["map"].low), "one study has no interval"


def test_calibration_is_that_of_each_findings_probability(study, metrics) -> None:
    sure = made([0, 1, 2, 3], [[1], [1], [0], [0]], [[0.75], [0.75], [0.75], [0.25]])
    assert calibration_errors(sure) == pytest.approx([0.75 * abs(0.75 - 2 / 3) + 0.25 * 0.25])
    table = pd.read_csv(study / "calibration.csv")
    assert (table.groupby(["network", "task"])["share"].sum() - 1).abs().max() < 1e-12
    rows = pd.read_csv(study / "per_finding.csv").query("protocol == 'sound' and network == 'swin_base'")
    for task, own in rows.groupby("task"):
        assert metrics.loc[("sound", f"swin_base/{task}/ece"), "value"] == pytest.approx(own["ece"].mean())


def test_each_finding_has_a_row_and_one_without_a_positive_image_has_no_values(study) -> None:
    table = pd.read_csv(study / "per_finding.csv")
    assert len(table) == len(example.NETWORKS) * 3 * (19 + 1 + 4)
    row = table.query(
        "network == 'densenet121' and protocol == 'by_challenge' and finding == 'tumor' and task == 'endo'"
    )
    assert row["positives"].tolist() == [0] and row[["ap", "auc", "ap_low"]].isna().all(axis=None)
    truth, _ = scored(study, "sound", "chest")
    own = table.query("network == 'densenet121' and protocol == 'sound' and task == 'chest'")
    assert own["positives"].tolist() == truth.sum(axis=0).tolist() and own["finding"].tolist() == [*TASKS["chest"]]


def test_few_shot_methods_have_mean_and_spread_over_experiments_and_seeds(study, metrics) -> None:
    table = pd.read_csv(study / "few_shot.csv")
    sound = table[table["protocol"] == "sound"]
    repeats = np.where(sound["method"] == "vpt_shallow", 2, 1)  # seeds of frozen features repeat each other
    assert (sound["runs"] == len(example.EXPERIMENTS) * repeats).all() and len(sound) == 3 * 3 * 2 * 3
    values = []
    for path in sorted((study / "few_shot").glob("*-seed0/frozen")):
        store = open_store(path)
        for row in store.cases.query(
            "method == 'prototypes' and task == 'endo' and shots == 5 and split == 'test'"
        ).to_dict("records"):
            images = of_task(example.cases(), "endo").query("part == 'test_WithLabel'")
            scores = store.arrays["scores"][row["offset"] :][: len(images) * 4].reshape(-1, 4)
            values.append(np.mean([roc_auc_score(truth_of(images)[:, at], scores[:, at]) for at in range(3)]))
    own = sound.query("method == 'prototypes' and task == 'endo' and shots == 5 and measure == 'auc'").iloc[0]
    assert own[["mean", "sd", "lowest", "highest"]].tolist() == pytest.approx(
        [np.mean(values), np.std(values, ddof=1), min(values), max(values)]
    )
    assert metrics.loc[("sound", "vit_tiny/prototypes/endo/5-shot/auc"), "value"] == pytest.approx(np.mean(values))
    published = metrics.loc["published", "vit_tiny/challenge/endo/5-shot/map"]
    assert published["ci_low"] < published["value"] < published["ci_high"] <= 0.75, "one of four findings counts 0"


def test_habits_of_the_write_up_are_told_apart(study, metrics) -> None:
    habits = pd.read_csv(study / "quirks.csv").set_index(["quirk", "quantity"])
    best = habits.loc["Best epoch on the scored set", "densenet121/writeup/endo/map"]
    assert (best["published"], best["sound"]) == pytest.approx((0.8, 0.7)) and best["note"].startswith("Epoch 4 of 6")
    mixed = habits.loc["Sets mixed, and all else as published", "densenet121/writeup/endo/map"]
    assert mixed["published"] == best["sound"]
    assert mixed["sound"] == metrics.loc[("sound", "densenet121/endo/map"), "value"]
    assert mixed["difference"] == pytest.approx(mixed["published"] - mixed["sound"])
    assert mixed["note"].startswith("All differences together") and "loss" in mixed["note"]
    recipe = habits.loc["Few-shot recipe as published", "vit_tiny/challenge/colon/5-shot/image_accuracy"]
    assert recipe["note"].startswith("All differences together") and "loss" not in recipe["note"]
    one = habits.loc["One experiment", "vit_tiny/challenge/colon/5-shot/image_accuracy"]
    assert recipe["sound"] == one["published"] and "mean of all 6 trainings" in one["note"]
    assert one["sound"] == pytest.approx(
        metrics.loc[("sound", "vit_tiny/vpt_shallow/colon/5-shot/image_accuracy"), "value"]
    )


def test_lists_with_training_images_are_weighed_on_one_training_alone(study, metrics) -> None:
    """The epoch is all that differs: network, support set, recipe and scored images are those of one training."""
    habits = pd.read_csv(study / "quirks.csv").query("quirk == 'Validation lists with training images'")
    assert sorted(habits["quantity"]) == [
        f"vit_tiny/challenge/{task}/{shots}-shot/map" for task in ("chest", "endo") for shots in (1, 5)
    ], "lists of the colon hold none"
    store = open_store(study / "few_shot/vit_tiny-seed0/vpt_shallow")
    rows = store.cases.query("protocol == 'published' and task == 'endo' and shots == 5").set_index("split")
    images = of_task(example.cases(), "endo").query("part == 'test_WithLabel'")
    values = {}
    for split in ("test", "unseen"):
        scores = store.arrays["scores"][rows.loc[split, "offset"] :][: len(images) * 4].reshape(-1, 4)
        values[split] = np.mean([average_precision_score(truth_of(images)[:, at], scores[:, at]) for at in range(3)])
    row = habits[habits["quantity"] == "vit_tiny/challenge/endo/5-shot/map"].iloc[0]
    assert (row["published"], row["sound"]) == pytest.approx((values["test"], values["unseen"]))
    assert row["note"].startswith("Epoch 3 is") and "epoch 2 of the same training" in row["note"]


def test_a_split_by_image_is_weighed_on_the_images_of_studies_that_did_not_train(tmp_path) -> None:
    example.make_results(tmp_path)
    path = tmp_path / "densenet121-seed0" / "by_writeup" / "endo" / "scores.csv"
    images = of_task(example.cases(), "endo")
    dealt = images["row"].isin([*range(0, 40, 2), *range(100, 140)])  # of ten studies half, of ten studies all
    test = images[dealt]
    seen = test["row"] < 40
    scores = pd.DataFrame(example.answered(test, seen, [9]), columns=[*TASKS["endo"]])
    pd.concat([test[["case"]].reset_index(drop=True).assign(split="test"), scores], axis=1).to_csv(path, index=False)
    quirks = pd.read_csv(example.score(tmp_path) / "quirks.csv")
    row = quirks.query("quirk == 'Split by image' and quantity == 'densenet121/writeup/endo/map'").iloc[0]
    rest = (~seen).to_numpy()
    assert row["published"] == pytest.approx(sound_means(ranks(truth_of(test), scores.to_numpy()))["map"][0])
    assert row["sound"] == pytest.approx(sound_means(ranks(truth_of(test)[rest], scores.to_numpy()[rest]))["map"][0])
    assert row["note"].startswith("20 of 60 scored images") and "the 40 others" in row["note"]
    assert not quirks.query("quirk == 'Split by image' and quantity == 'densenet121/writeup/chest/map'").size


def test_a_split_by_image_is_weighed_on_findings_that_both_sets_of_images_have() -> None:
    random = np.random.default_rng(4)
    truth, scores = random.integers(0, 2, (30, 4)), random.random((30, 4))
    truth[10:, 3] = 0  # only images whose study trained have the last finding
    test = made([0] * 10 + [*range(1, 21)], truth.tolist(), scores.tolist())
    trained = test.images.iloc[:1].assign(case="another", group=0)
    results = [Task("densenet121", "by_writeup", "endo", test, measured(test, Sampling(10, 0), published=True))]
    history = pd.DataFrame({"network": "densenet121", "task": "endo", "epoch": [1], "test_map": [0.5]})
    rows = habit_rows(results, history, [], [], pd.concat([test.images, trained]))
    row = next(row for row in rows if row["quirk"] == "Split by image")
    own = [
        np.mean([average_precision_score(truth[part, f], scores[part, f]) for f in range(3)])
        for part in (slice(None), slice(10, None))
    ]
    assert [row["published"], row["sound"]] == pytest.approx(own)


def test_a_published_value_that_is_not_defined_weighs_no_habit() -> None:
    random = np.random.default_rng(4)
    truth, scores = random.integers(0, 2, (30, 4)), random.random((30, 4))
    truth[:, 0] = 0  # no finding is before this one
    test = made([*range(30)], truth.tolist(), scores.tolist())
    results = [Task("densenet121", "by_challenge", "endo", test, measured(test, Sampling(10, 0), published=True))]
    history = pd.DataFrame({"network": [], "task": []})
    assert [row["quirk"] for row in habit_rows(results, history, [], [], test.images)] == [
        "An undefined finding counts 0"
    ]


def test_counts_of_the_data_are_those_of_the_labels() -> None:
    table = pd.DataFrame({"labels": ["0110", "0000", "1111"], "study": ["a", "a", "b"]})
    assert data_counts(table, "endo") == {
        **{"images": 3, "images_ulcer": 1, "images_erosion": 2, "images_polyp": 2, "images_tumor": 1},
        **{"images_without": 1, "images_with_all": 1, "most_labels": 4},
    }
    slides = data_counts(pd.DataFrame({"labels": ["1", "0", "0"], "study": ["a", "a", "b"]}), "colon")
    assert slides == {"images": 3, "images_tumor": 1, "images_without": 2, "slides_tumor": 1, "slides_without": 2}


def test_epochs_are_the_reported_ones_that_were_trained(metrics) -> None:
    quantities = [quantity for protocol, quantity in metrics.index if "_epoch" in quantity and protocol == "published"]
    assert [quantity for quantity in quantities if quantity.startswith("densenet121")] == [
        f"densenet121/writeup/{task}/{measure}_epoch{epoch}"
        for task, measure in (("chest", "map"), ("colon", "image_accuracy"), ("endo", "map"))
        for epoch in (1, 5)
    ]
    assert metrics.loc[("published", "densenet121/writeup/chest/map_epoch5"), "value"] == pytest.approx(0.75)
