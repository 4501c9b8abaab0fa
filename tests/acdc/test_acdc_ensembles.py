"""Weightings scored at once, the ways to choose one, votes, calibration and the published search."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score, jaccard_score, log_loss

from acdc.analysis.calibration import (
    Voxels,
    at_temperature,
    fit_temperature,
    measures,
    near_heart,
    pair_diversity,
    reliability_of,
)
from acdc.analysis.ensembles import greedy, mean_dice, random_search, simplex
from acdc.analysis.grid_habits import grid_rows, nearest_to, to_grid
from acdc.analysis.pixel_measures import heart_f1, mean_iou, running
from acdc.analysis.published_search import searched_slices
from acdc.analysis.votes import majority, staple
from acdc.analysis.weightings import checked, contest, rounded, scores, weighted_sum
from acdc.learning.published_slices import resized
from reprise.evaluation.mask_scores import confusions

STRUCTURES = ["rv", "myo", "lv"]
# Eighths make ties; the smallest numbers of float16 are what a sum loses first.
numbers = st.sampled_from([0.0, 0.125, 0.25, 0.375, 0.5, 1.0, 2.0**-24, 3 * 2.0**-24, 0.3333, 0.6665])


@st.composite
def ensembles(draw: st.DrawFn) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Units of voxels with probabilities of some members and true classes; and weightings."""
    members = draw(st.integers(1, 4))
    sizes = draw(st.lists(st.integers(0, 6), min_size=1, max_size=3))
    maps = [draw(arrays(np.float16, (members, size, 4), elements=numbers)) for size in sizes]
    units = [(one, draw(arrays(np.uint8, one.shape[1], elements=st.integers(0, 3)))) for one in maps]
    whole = arrays(np.float64, (draw(st.integers(1, 5)), members), elements=st.sampled_from([0, 1, 2, 3, 100]))
    fine = st.floats(0, 1, allow_subnormal=False)
    drawn = draw(st.one_of(whole, arrays(np.float64, (3, members), elements=fine).map(rounded)))
    drawn[~drawn.any(axis=1)] = 1
    return units, drawn


def exact_class(maps: np.ndarray, weights: np.ndarray) -> int:
    """The class of one voxel by sums that round nothing; the lowest class wins a tie."""
    sums = [
        sum(Fraction(float(weight)) * Fraction(float(one[label])) for weight, one in zip(weights, maps, strict=True))
        for label in range(4)
    ]
    return sums.index(max(sums))


def one_voxel(*members: list[float]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.float16(members)[:, None], np.uint8([1]))]


@example((one_voxel([0.5, 0.25, 0, 0], [0.25, 0.5, 0, 0]), np.array([[1.0, 1.0], [1.0, 2.0]])), 256)  # a tie
@example((one_voxel([1, 1, 0, 0], [0, 2.0**-24, 0, 0]), np.array([[1.0, 1.0], [100.0, 2.0**-20]])), 256)
@example((one_voxel([0.5, 0.25, 0.375, 0], [0.25, 0.5, 0.375, 0]), np.array([[1.0, 1.0]])), 256)  # of three
@given(ensembles(), st.sampled_from([1, 2, 256]))
@settings(max_examples=80, deadline=None)
def test_weightings_at_once_find_what_a_plain_loop_finds_without_rounding(example, block: int) -> None:
    units, weights = example
    counts = scores(contest(units), weights, lambda part: part.reshape(len(part), -1), block)
    for row, factors in zip(counts, weights, strict=True):
        loop = []
        for maps, true in units:
            found = np.array([exact_class(maps[:, voxel], factors) for voxel in range(len(true))], dtype=np.uint8)
            assert (weighted_sum(maps, factors).argmax(axis=-1) == found).all()
            loop.append(confusions(true, found, 4))
        assert (row == np.stack(loop).ravel()).all()


def test_scores_of_many_weightings_are_to_the_last_bit_those_of_one() -> None:
    random = np.random.default_rng(0)
    powers = np.exp(2 * random.normal(size=(7, 3, 400, 4)))
    maps = (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float16)
    true = random.integers(0, 4, (7, 400)).astype(np.uint8)
    weights = rounded(random.dirichlet(np.ones(3), 150))
    found = scores(contest(zip(maps, true, strict=True)), weights, lambda counts: mean_dice(counts, STRUCTURES))
    for value, factors in zip(found, weights, strict=True):
        loop = [confusions(true[k], weighted_sum(maps[k], factors).argmax(axis=-1), 4) for k in range(7)]
        assert value == mean_dice(np.stack(loop), STRUCTURES)
    assert len(set(found)) > 20


@pytest.mark.parametrize("weights", [[0, 0], [1, -1], [0.1, 0.2], [1, 2.0**-21], [500, 13], [np.nan, 1]])
def test_weights_whose_sums_would_round_or_mean_nothing_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        checked([weights])


def near(target: list[float]):
    """An objective in steps, as Dice is, that is best near `target`, and knows no scale."""
    goal = np.array(target)

    def objective(weights: np.ndarray) -> np.ndarray:
        shares = weights / weights.sum(axis=1, keepdims=True)
        return -np.round(np.abs(shares - goal).sum(axis=1), 4)

    return objective


@pytest.mark.parametrize("target", [[0.513, 0.148, 0.339], [0, 1, 0], [0.25, 0.25, 0.25, 0.25], [0.7, 0.3], [1.0]])
def test_the_optimum_of_the_simplex_is_found_inside_and_in_a_corner(target: list[float]) -> None:
    found = simplex(near(target), len(target))
    assert found.sum() == 1 and found == pytest.approx(target, abs=2**-9)
    assert near(target)(found[None]) >= near(target)(random_search(near(target), len(target), 500, 1)[None])


def test_of_equally_good_weightings_the_one_nearest_to_equal_weights_is_taken() -> None:
    half = simplex(lambda weights: (weights[:, 0] >= 0.5).astype(float), 3)
    assert half.tolist() == [0.5, 0.25, 0.25]


def test_greedy_selection_draws_a_member_again_and_keeps_the_first_of_the_best_rounds() -> None:
    assert greedy(near([2 / 3, 1 / 3, 0]), 3).tolist() == [2, 1, 0]
    assert greedy(lambda weights: weights[:, 1] / weights.sum(axis=1), 3).tolist() == [0, 1, 0]


def one_hot(classes: list[int], sure: float = 1.0) -> np.ndarray:
    """Probabilities (1, 1, V, 4) of one member that is as sure of each class, and takes the rest for background."""
    maps = sure * (np.array(classes)[:, None] == np.arange(4))
    maps[:, 0] += 1 - sure
    return maps[None, None].astype(np.float16)


def test_most_votes_win_and_a_tie_is_settled_by_the_sum_of_probabilities_then_by_the_lowest_class() -> None:
    votes = np.stack([one_hot([1, 1, 2, 0], 0.75), one_hot([1, 2, 1, 1], 0.75), one_hot([3, 3, 3, 3])])
    assert majority(votes).ravel().tolist() == [1, 3, 3, 0]  # the first member is sure of the last voxel's background
    even = np.stack([one_hot([2, 3]), one_hot([1, 0])])
    assert majority(even).ravel().tolist() == [1, 0]


def test_staple_follows_the_members_that_agree_and_settles_what_it_leaves_open() -> None:
    random = np.random.default_rng(1)
    true = np.zeros((3, 30, 30), np.uint8)
    true[:, 5:25, 5:25], true[:, 10:20, 10:20], true[:, 6:12, 20:24] = 2, 3, 1
    raters = []
    for wrong in (0.05, 0.08, 0.4):
        classes = np.where(random.random(true.shape) < wrong, random.integers(1, 4, true.shape), true)
        raters.append(one_hot(classes.ravel().tolist()).reshape(3, 30, 30, 4))
    maps = np.stack(raters)
    found = staple(maps)
    assert found.dtype == np.uint8
    assert (found == true).mean() > max((one.argmax(axis=-1) == true).mean() for one in maps)
    more = np.stack([one_hot([0] * 4, 0.9)] * 3).repeat(9, axis=2)
    assert staple(more).tolist() == np.zeros((1, 9, 4)).tolist()
    wide = np.pad(maps, ((0, 0), (1, 2), (4, 3), (2, 5), (0, 0)))
    assert (staple(wide)[1:-2, 4:-3, 2:-5] == found).all() and staple(wide).sum() == found.sum()
    open_ = np.stack([one_hot([2, 0], 0.75), one_hot([0, 2], 0.75)])
    assert staple(open_).ravel().tolist() == weighted_sum(open_, [1, 1]).argmax(axis=-1).ravel().tolist()


def drawn_voxels(temperature: float) -> Voxels:
    """Probabilities of 40,000 voxels whose true classes are drawn at another temperature."""
    random = np.random.default_rng(4)
    logits = 2 * random.normal(size=(40_000, 4))
    softmax = [np.exp(logits / t) / np.exp(logits / t).sum(axis=1, keepdims=True) for t in (1, temperature)]
    true = (softmax[1].cumsum(axis=1) < random.random((len(logits), 1))).sum(axis=1)
    return Voxels(softmax[0].astype(np.float32), true.astype(np.uint8))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_of_the_draws_is_found_and_makes_confidence_the_accuracy(temperature: float) -> None:
    voxels = drawn_voxels(temperature)
    found = fit_temperature(voxels)
    assert found == pytest.approx(temperature, rel=0.03)
    scaled = voxels._replace(probabilities=at_temperature(voxels.probabilities, found))
    before, after, exact = measures(voxels), measures(scaled), voxels.probabilities.astype(float)
    assert after["ece"] < 0.015 and after["nll"] <= before["nll"] + 1e-9 and after["brier"] <= before["brier"] + 1e-4
    assert before["nll"] == pytest.approx(log_loss(voxels.true, exact / exact.sum(axis=1, keepdims=True)), abs=1e-5)
    right = np.eye(4)[voxels.true]
    assert before["brier"] == pytest.approx(((voxels.probabilities - right) ** 2).sum(axis=1).mean(), abs=1e-5)


def test_bins_of_confidence_worked_out_by_hand_and_a_probability_of_zero() -> None:
    maps = np.float32([[1, 0, 0, 0], [1, 0, 0, 0], [0, 0.6, 0.4, 0], [0.5, 0.5, 0, 0]])
    voxels = Voxels(maps, np.uint8([0, 1, 1, 2]))
    table = reliability_of(voxels)
    assert table["bin"].tolist() == [8, 10, 15] and table["share"].tolist() == [0.25, 0.25, 0.5]
    assert table["accuracy"].tolist() == [0, 1, 0.5] and table["confidence"].tolist() == pytest.approx([0.5, 0.6, 1])
    assert measures(voxels)["ece"] == pytest.approx(0.25 * 0.5 + 0.25 * 0.4 + 0.5 * 0.5)
    assert np.isfinite(measures(voxels)["nll"]) and measures(voxels)["brier"] == pytest.approx((0 + 2 + 0.32 + 1.5) / 4)


def test_diversity_of_two_members_worked_out_by_hand() -> None:
    first, second = np.array([[1, 1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 0, 1, 0, 0]], dtype=bool)
    found = pair_diversity(first, second)
    assert found == pytest.approx({"disagreement": 2 / 8, "double_fault": 2 / 8, "q": (4 * 2 - 1) / (4 * 2 + 1)})
    assert np.isnan(pair_diversity(np.ones(3, bool), np.ones(3, bool))["q"])


def test_published_measures_are_those_of_scikit_learn_slice_after_slice() -> None:
    random = np.random.default_rng(2)
    true = random.integers(0, 4, (6, 50))
    found = np.where(random.random(true.shape) < 0.6, true, random.integers(0, 4, true.shape))
    counts = np.stack([confusions(*pair, 4) for pair in zip(true, found, strict=True)])
    upto = [(true[: k + 1].ravel(), found[: k + 1].ravel()) for k in range(6)]
    assert running(mean_iou, counts) == pytest.approx(np.mean([jaccard_score(*pair, average="macro") for pair in upto]))
    assert running(heart_f1, counts) == pytest.approx(np.mean([f1_score(t > 0, f > 0) for t, f in upto]))
    none = np.zeros((4, 4), int)
    none[0, 0] = 9
    assert mean_iou(none) == 1.0 and heart_f1(none) == 0.0  # classes that are nowhere do not count
    assert [searched_slices(count, 300) for count in (750, 900, 100, 1)] == [300, 300, 40, 1]


def test_linear_labels_name_a_wall_between_the_two_ventricles() -> None:
    true = np.zeros((4, 12, 12), np.uint8)
    true[:, :, 4:8], true[:, :, 8:] = 1, 3
    linear = to_grid(true, (10, 30, 30))
    assert (linear == 2).any() and not (nearest_to(true, (10, 30, 30)) == 2).any()
    assert (nearest_to(nearest_to(true, (10, 36, 24)), true.shape) == true).all()
    assert (to_grid(true, true.shape) == true).all()


def test_only_every_second_slice_of_the_published_grid_counts_as_kept() -> None:
    true = np.zeros((10, 12, 12), np.uint8)
    true[:, 3:9, 3:9] = 3
    found = true.copy()
    found[::2] = 0
    (row,) = grid_rows(found, true, ["lv"], true.shape)
    assert row == {"structure": "lv", "label_linear": 1, "label_nearest": 1, "native": 2 / 3, "grid": 2 / 3, "kept": 1}


def test_labels_on_the_published_grid_are_those_that_published_slices_have() -> None:
    random = np.random.default_rng(5)
    true = random.integers(0, 4, (7, 40, 30)).astype(np.uint8)
    case = {"offset": 0, "slices": 7, "height": 40, "width": 30}
    volume = resized({"image": true.ravel(), "labels": true.ravel()}, case, {"slices": 10, "size": 32})
    assert (to_grid(true, (10, 32, 32)) == np.rint(volume.labels)).all()


def test_voxels_count_as_near_the_heart_up_to_20_mm_beside_it_on_its_own_slices() -> None:
    true = np.zeros((5, 60, 60), np.uint8)
    true[1:3, 30:33, 2:5] = 1
    box = near_heart(true, {"row_mm": 2.0, "column_mm": 4.0})
    assert box == (slice(1, 3), slice(20, 43), slice(0, 10))
