"""Few-shot methods on frozen features: against scikit-learn and formulas written out, and no image seen is scored."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from few_shot_example import small_cases, small_features, small_lists
from medfm.analysis.few_shot import experiments_of, scores_of, write_answers
from medfm.analysis.protocols import TASKS, of_task, truth_of
from medfm.learning.frozen import Support, frozen_answers, linear_probe, logistic_regression, prototypes, unit
from reprise.data.store import open_store
from reprise.step.errors import InputError

CPU = torch.device("cpu")
SETTINGS = {
    "shots": [1, 5],
    "experiments": [1, 2],
    "methods": ["prototypes", "linear_probe", "logistic_regression"],
    "linear_probe": {"steps": 100, "lr": 0.05, "weight_decay": 0.0},
    "logistic_regression": {"c": 1.0},
}


def example(seed: int, images: int = 12, findings: int = 3) -> Support:
    """A support set with random features and labels, in which each finding is there and not there."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 2, (images, findings)).astype(np.uint8)
    truth[:2] = [[0], [1]]
    return Support(generator.normal(size=(images, 8)).astype(np.float32), truth)


def test_experiments_trained_together_equal_each_alone() -> None:
    """Support sets of other sizes, filled up to one size, change nothing."""
    supports = [example(1, 5), example(2, 12), example(3, 7)]
    scored = np.random.default_rng(4).normal(size=(6, 8)).astype(np.float32)
    together = linear_probe(supports, scored, SETTINGS["linear_probe"], CPU)
    alone = [linear_probe([support], scored, SETTINGS["linear_probe"], CPU)[0] for support in supports]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_linear_probe_ends_at_the_minimum() -> None:
    """With many steps it is logistic regression without a penalty, of labels that no line separates."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(200, 3)).astype(np.float32)
    truth = (generator.random(200) < 1 / (1 + np.exp(-2 * unit(features)[:, 0]))).astype(np.uint8)[:, None]
    found = linear_probe([Support(features, truth)], features, {"steps": 2000, "lr": 0.05, "weight_decay": 0.0}, CPU)
    exact = LogisticRegression(C=np.inf, tol=1e-8).fit(unit(features), truth[:, 0])
    np.testing.assert_allclose(found[0, :, 0], exact.predict_proba(unit(features))[:, 1], atol=2e-3)


def test_prototypes_by_hand() -> None:
    """Cosines to the two means, of vectors in the plane."""
    features = np.array([[2, 0], [0, 3], [0, 1]], np.float32)
    truth = np.array([[1, 0], [0, 0], [0, 0]], np.uint8)
    scores = prototypes(Support(features, truth), np.array([[5, 0], [0, 1], [1, 1]], np.float32))
    np.testing.assert_allclose(scores[:, 0], [0.75, 0.25, 0.5], atol=1e-6)
    assert (scores[:, 1] == 0.5).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_length_of_features_does_not_count(seed: int, factor: float) -> None:
    """All methods see directions only, and scores are probabilities."""
    support, scored = example(seed), np.random.default_rng(seed + 1).normal(size=(5, 8)).astype(np.float32)
    longer = Support(support.features * np.float32(factor), support.truth)
    solved = partial(logistic_regression, settings={"c": 1.0})
    for method, tolerance in ((prototypes, 1e-6), (solved, 2e-3)):  # a solver stops near its optimum
        scores = method(support, scored)
        np.testing.assert_allclose(method(longer, scored), scores, atol=tolerance)
        assert ((scores >= 0) & (scores <= 1)).all()


def test_logistic_regression_of_one_label_is_constant() -> None:
    """A finding that no image of the support set has scores 0; one that all have, 1."""
    support = example(0)
    truth = support.truth.copy()
    truth[:, 0], truth[:, 1] = 0, 1
    scores = logistic_regression(Support(support.features, truth), support.features, {"c": 1.0})
    assert (scores[:, :2] == [0, 1]).all()
    assert np.ptp(scores[:, 2]) > 0


def test_all_methods_learn_what_features_tell(tmp_path: Path) -> None:
    """On features that hold the labels each method ranks them; the store has them in the order of the cases."""
    cases = small_cases()
    experiments = list(experiments_of(cases, small_lists(cases), SETTINGS, "sound"))
    write_answers(tmp_path / "frozen", frozen_answers(cases, small_features(cases), experiments, SETTINGS, CPU))
    store = open_store(tmp_path / "frozen")
    assert len(store.cases) == 3 * 3 * 2 * 2 * 2
    assert list(store.cases["images"].unique()) == [20, 5]
    colon = store.cases[(store.cases["task"] == "colon") & (store.cases["split"] == "test")]
    truth = truth_of(of_task(cases, "colon")[of_task(cases, "colon")["part"] == "test_WithLabel"])
    for row in colon.to_dict("records"):
        scores = scores_of(store, row)
        assert scores[truth == 1].min() > scores[truth == 0].max(), row["case"]


def test_published_support_keeps_repeats_and_the_first_experiment() -> None:
    """A repeated line counts by `published`; by `sound` each image comes once, in all experiments."""
    cases = small_cases()
    published = list(experiments_of(cases, small_lists(cases), SETTINGS, "published"))
    sound = list(experiments_of(cases, small_lists(cases), SETTINGS, "sound"))
    assert {each.number for each in published} == {1}
    assert {each.number for each in sound} == {1, 2}
    assert [len(each.support) for each in published[:2]] == [6, 10]
    assert [len(each.support) for each in sound[:4]] == [5, 5, 9, 9]
    assert len({each.name for each in published + sound}) == len(published + sound)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_sound_never_scores_what_it_has_seen(data: st.DataObject) -> None:
    """Whatever groups hold twins, and whatever images the lists name, no group is in a support set and scored."""
    cases = small_cases()
    groups = sorted(cases["group"].unique())
    twins = data.draw(st.dictionaries(st.sampled_from(groups), st.sampled_from(groups), max_size=6))
    cases["group"] = cases["group"].replace(twins)
    lists = small_lists(cases)
    for task in TASKS:
        labelled = list(cases["image"][(cases["task"] == task) & (cases["labelled"] == 1)])
        wrong = data.draw(st.lists(st.sampled_from(labelled), max_size=3, unique=True))
        rows = lists.index[(lists["task"] == task) & (lists["kind"] == "train")][: len(wrong)]
        lists.loc[rows, "image"] = wrong
    for each in experiments_of(cases, lists, SETTINGS, "sound"):
        group = of_task(cases, each.task)["group"].to_numpy()
        assert not {*group[each.support]} & {*group[each.scored]}


def test_nothing_to_score_is_one_line() -> None:
    """All images of the task in one group: the support set has seen them all."""
    cases = small_cases()
    cases.loc[cases["task"] == "endo", "group"] = "one"
    with pytest.raises(InputError, match=r"^endo, 1 shots, experiment 1: expected images to score, found none$"):
        list(experiments_of(cases, small_lists(cases), SETTINGS, "sound"))


def test_answers_of_two_methods_have_names_of_their_own(tmp_path: Path) -> None:
    """A store refuses a case that comes twice, so names tell method, protocol, task, shots, experiment and split."""
    cases = small_cases()
    experiments = list(experiments_of(cases, small_lists(cases), SETTINGS, "sound"))[:1]
    found = [*frozen_answers(cases, small_features(cases), experiments, SETTINGS, CPU)]
    write_answers(tmp_path / "one", found)
    assert isinstance(open_store(tmp_path / "one").cases, pd.DataFrame)
    with pytest.raises(ValueError, match="twice"):
        write_answers(tmp_path / "two", found + found)


@pytest.mark.parametrize("wanted", [[1], [2], [2, 1]])
def test_the_published_baselines_are_of_experiment_1_whatever_the_settings_have(wanted: list[int]) -> None:
    cases = small_cases()
    both = [experiments_of(cases, small_lists(cases), SETTINGS | {"experiments": wanted}, name)
            for name in ("published", "sound")]  # fmt: skip
    published, sound = ({each.number for each in found} for found in both)
    assert published == {1} and sound == set(wanted)
