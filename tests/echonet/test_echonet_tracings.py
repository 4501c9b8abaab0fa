"""Tracings to outlines and masks, held against figures worked out by hand and an independent formulation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echonet.data.tracings import area, group_tracings, polygon, rasterise
from echonet_dataset import ellipse

SIZE = 24
TRACING = st.lists(st.tuples(*[st.integers(-8, 2 * SIZE + 8).map(lambda n: n / 2)] * 4), min_size=3, max_size=8)


def inside_and_outside(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels strictly inside by even-odd, counting in whole numbers the edges that a ray to the right crosses, and
    pixels strictly outside; those on an edge are in neither."""
    y, x = np.mgrid[:SIZE, :SIZE]
    inside, on_edge = np.zeros((2, SIZE, SIZE), bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        side = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        within = (x >= min(ax, bx)) & (x <= max(ax, bx)) & (y >= min(ay, by)) & (y <= max(ay, by))
        on_edge |= (side == 0) & within
        inside ^= ((ay > y) != (by > y)) & ((side > 0) == (by > ay))
    return inside & ~on_edge, ~inside & ~on_edge


def test_the_outline_goes_down_one_wall_and_up_the_other() -> None:
    tracing = np.array([[0, 0, 9, 9], [1, 2, 3, 4], [5, 6, 7, 8], [10, 11, 12, 13]])
    assert polygon(tracing).tolist() == [[1, 2], [5, 6], [10, 11], [12, 13], [7, 8], [3, 4]]


def test_a_rectangle_has_its_area_and_its_edges() -> None:
    tracing = np.array([[20, 0, 20, 99]] + [[10, y, 30, y] for y in (20, 30, 40)], float)
    assert area(tracing) == 400
    mask = rasterise(tracing, 112, 112)
    assert mask.dtype == np.uint8
    assert mask.sum() == 21 * 21
    assert mask[20:41, 10:31].all()
    assert area(tracing[:, [2, 3, 0, 1]]) == 400  # walls exchanged


def test_corners_are_rounded_half_to_even_and_clipped_to_the_frame() -> None:
    tracing = np.array([[0, 0, 0, 0], [0.5, 1.5, 3.5, 1.5], [0.5, 4.5, 3.5, 4.5]])
    expected = np.zeros((6, 8), np.uint8)
    expected[2:5, 0:5] = 1
    np.testing.assert_array_equal(rasterise(tracing, 6, 8), expected)
    whole = np.array([[0, 0, 0, 0], [-3, -2, 9, -2], [-3, 9, 9, 9]], float)
    assert rasterise(whole, 4, 6).all()


@pytest.mark.parametrize("radius", [8, 15, 25])
def test_an_ellipse_has_the_area_of_an_ellipse(radius: float) -> None:
    expected = np.pi * radius * 30
    assert area(ellipse(radius)) == pytest.approx(expected, rel=0.02)
    assert rasterise(ellipse(radius), 112, 112).sum() == pytest.approx(expected, rel=0.08)


@settings(deadline=None)
@given(rows=TRACING)
def test_masks_agree_with_counting_crossings(rows: list[tuple[float, ...]]) -> None:
    corners = np.array([(round(x), round(y)) for x, y in polygon(np.array(rows))])  # halves to even here as well
    inside, outside = inside_and_outside(corners)
    mask = rasterise(np.array(rows), SIZE, SIZE).astype(bool)
    assert mask[inside].all()
    assert not mask[outside].any()


def test_too_few_rows_give_an_empty_mask() -> None:
    assert rasterise(np.zeros((1, 4)), 8, 8).sum() == 0
    assert area(np.zeros((1, 4))) == 0


def test_frames_keep_the_order_of_the_file() -> None:
    table = pd.DataFrame({"case": list("baabb"), "frame": [7, 5, 5, 3, 7], "x1": range(5), "y1": 0, "x2": 1, "y2": 2})
    grouped = group_tracings(table)
    assert {case: list(frames) for case, frames in grouped.items()} == {"b": [7, 3], "a": [5]}
    assert grouped["b"][7].tolist() == [[0, 0, 1, 2], [4, 0, 1, 2]]
