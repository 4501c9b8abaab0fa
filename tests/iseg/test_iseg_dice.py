"""The Dice of crops: soft as published, and of classes all over a volume; by hand and by brute force."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score

from iseg.analysis.box_dice import box_dice, box_sums
from iseg.analysis.soft_dice import TERMS, dice_table, mean_dice, without_absent

shapes = st.tuples(*[st.integers(2, 9)] * 3)
volumes = shapes.flatmap(lambda shape: st.tuples(*[arrays(np.uint8, shape, elements=st.integers(0, 3))] * 2))


def sums(*rows: tuple[int, str, float, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["batch", "class", *TERMS])


def test_two_batches_by_hand() -> None:
    table = sums(
        (0, "air", 3.0, 4.0, 3.0, 5.0),
        (0, "wm", 1.0, 2.0, 1.5, 2.0),
        (0, "wm", 0.5, 1.0, 0.5, 0.0),
        (1, "air", 1.0, 1.0, 1.0, 1.0),
        (1, "wm", 0.0, 0.0, 0.0, 0.0),
    )
    linear, squared = (dice_table(table, kind, "batch") for kind in ("linear", "squared"))
    assert linear["wm"].tolist() == pytest.approx([3 / 5, 0]), "crops of a batch are pooled; an absent class has 0"
    assert squared["wm"].tolist() == pytest.approx([3 / 4, 0])
    assert linear["air"].tolist() == pytest.approx([6 / 9, 1])
    assert mean_dice(linear, ["air", "wm"]) == pytest.approx((6 / 9 + 1 + 3 / 5 + 0) / 4)
    there = without_absent(linear, table, "batch")
    assert mean_dice(there, ["air", "wm"]) == pytest.approx(((6 / 9 + 1) / 2 + 3 / 5) / 2)


def test_a_perfect_answer_has_1_unless_the_class_is_absent() -> None:
    table = sums((0, "gm", 7.0, 7.0, 7.0, 7.0), (0, "wm", 0.0, 0.0, 0.0, 0.0))
    for kind in ("linear", "squared"):
        assert dice_table(table, kind, "batch").loc[0].to_dict() == {"gm": 1, "wm": 0}


def boxes(shape: tuple[int, ...], sides: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """Boxes at each quarter of a side, from one end to the other."""
    axes = []
    for full, side in zip(shape, sides, strict=True):
        starts = {start for start in range(full - side + 1) if start % max(side // 4, 1) == 0} | {full - side}
        axes.append([slice(start, start + side) for start in sorted(starts)])
    return list(product(*axes))


@given(volumes, shapes)
@settings(max_examples=80, deadline=None)
def test_voxels_in_boxes_are_those_of_slices(pair: tuple[np.ndarray, np.ndarray], wanted: tuple[int, ...]) -> None:
    mask = pair[0] > 1
    sides = tuple(min(side, full) for side, full in zip(wanted, mask.shape, strict=True))
    expected = [int(mask[box].sum()) for box in boxes(mask.shape, sides)]
    assert box_sums(mask, sides).ravel().tolist() == expected


@given(volumes, shapes, st.sampled_from([0.0, 0.1, 0.3]))
@settings(max_examples=60, deadline=None)
def test_dice_in_crops_is_that_of_each_crop(
    pair: tuple[np.ndarray, np.ndarray], wanted: tuple[int, ...], least: float
) -> None:
    found, true = pair
    sides = tuple(min(side, full) for side, full in zip(wanted, true.shape, strict=True))
    rich, every = [], []
    for box in boxes(true.shape, sides):
        there = [label for label in (1, 2, 3) if (true[box] == label).any()]
        if not there:
            continue
        dice = f1_score(true[box].ravel(), found[box].ravel(), labels=there, average="macro", zero_division=0)
        every.append(dice)
        if (true[box] > 0).sum() >= least * (true > 0).sum():
            rich.append(dice)
    expected = [np.mean(dice) if dice else np.nan for dice in (rich, every)]
    assert box_dice(found, true, wanted, least) == pytest.approx(expected, nan_ok=True)
