"""Surface distances and scores of hearts: worked out by hand, and against all pairs of surface voxels."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_erosion, distance_transform_edt, generate_binary_structure

from acdc.analysis.heart_scores import structure_rows
from acdc.analysis.surfaces import bounding_box, surface_distances

SPACING = (8.0, 1.5, 1.25)
CASE = {"case": "patient001-ED", "patient": "patient001", "phase": "ED", "slice_mm": 8.0, "row_mm": 1.5}
CASE |= {"column_mm": 1.25}
masks = arrays(bool, st.tuples(*[st.integers(1, 5)] * 3), elements=st.booleans())
pairs = masks.flatmap(lambda mask: st.tuples(st.just(mask), arrays(bool, mask.shape, elements=st.booleans())))


def surface(mask: np.ndarray) -> np.ndarray:
    """Places in mm of the voxels with a neighbour, along an axis, that is not in the mask."""
    found = []
    for place in np.argwhere(mask):
        neighbours = [place + side * step for side, step in product((-1, 1), np.eye(3, dtype=int))]
        inside = [(n >= 0).all() and (n < mask.shape).all() and mask[tuple(n)] for n in neighbours]
        found += [] if all(inside) else [place * SPACING]
    return np.array(found)


@given(pairs)
@settings(max_examples=60, deadline=None)
def test_distances_are_those_of_all_pairs_of_surface_voxels(pair: tuple[np.ndarray, np.ndarray]) -> None:
    found, true = pair
    measured = surface_distances(found, true, SPACING)
    if not (found.any() and true.any()):
        expected = (np.nan, np.nan) if found.any() or true.any() else (0.0, 0.0)
        assert measured == pytest.approx(expected, nan_ok=True)
        return
    apart = np.linalg.norm(surface(found)[:, None] - surface(true)[None], axis=-1)
    nearest = [apart.min(axis=1), apart.min(axis=0)]
    assert measured.hausdorff_mm == pytest.approx(max(each.max() for each in nearest), abs=1e-6)
    assert measured.assd_mm == pytest.approx((nearest[0].mean() + nearest[1].mean()) / 2, abs=1e-6)


def test_boxes_that_are_moved_and_stretched() -> None:
    true = np.zeros((6, 20, 20), bool)
    true[2:4, 5:10, 5:10] = True
    moved = np.roll(true, 1, axis=0)
    assert surface_distances(moved, true, SPACING).hausdorff_mm == 8.0
    longer = true.copy()
    longer[2:4, 5:10, 5:13] = True
    distances = surface_distances(longer, true, SPACING)
    assert distances.hausdorff_mm == pytest.approx(3 * 1.25)
    # Of the longer box all 80 voxels are on the surface: 30 of them lie 1, 2 or 3 columns beyond the other's 50.
    assert distances.assd_mm == pytest.approx((30 * 2 * 1.25 / 80 + 0) / 2)
    assert surface_distances(true, true, SPACING) == (0.0, 0.0)


def test_spheres_around_one_centre_are_their_radii_apart_whatever_the_spacing() -> None:
    z, y, x = (np.arange(-n, n + 1) * mm for n, mm in ((9, 4.0), (26, 1.5), (31, 1.25)))
    radius = np.sqrt(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2)
    distances = surface_distances(radius < 22, radius < 34, (4.0, 1.5, 1.25))
    assert distances.hausdorff_mm == pytest.approx(12, abs=4)
    assert distances.assd_mm == pytest.approx(12, abs=1)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_box_around_both_changes_nothing(seed: int) -> None:
    random = np.random.default_rng(seed)
    found, true = np.zeros((2, 7, 30, 30), bool)
    found[1:6, 8:17, 9:20], true[2:7, 10:22, 8:18] = random.random((5, 9, 11)) < 0.8, random.random((5, 12, 10)) < 0.8
    cross = generate_binary_structure(3, 1)
    edges = [mask ^ binary_erosion(mask, cross) for mask in (found, true)]
    nearest = [distance_transform_edt(~edges[1 - k], sampling=SPACING)[edges[k]] for k in (0, 1)]
    expected = max(each.max() for each in nearest), (nearest[0].mean() + nearest[1].mean()) / 2
    assert surface_distances(found, true, SPACING) == pytest.approx(expected, abs=1e-6)


def test_a_box_with_a_margin_stays_in_the_volume() -> None:
    mask = np.zeros((4, 9, 9), bool)
    mask[1:3, 1, 4:6] = True
    assert bounding_box(mask) == (slice(1, 3), slice(1, 2), slice(4, 6))
    assert bounding_box(mask, (0, 3, 2)) == (slice(1, 3), slice(0, 5), slice(2, 8))
    assert mask[bounding_box(np.zeros_like(mask), (1, 1, 1))].size == 0


def test_scores_of_a_case_say_which_masks_are_empty() -> None:
    found, true = np.zeros((2, 3, 8, 8), np.uint8)
    true[:, 2:6, 2:6], found[:, 2:6, 2:4] = 3, 3
    true[1, 0, 0] = found[1, 0, :2] = 1
    found[2, 7, 7] = 2
    rows = {row["structure"]: row for row in structure_rows(found, true, CASE, ["rv", "myo", "lv"])}
    assert rows["lv"]["dice"] == pytest.approx(2 * 24 / (24 + 48)) and rows["lv"]["hausdorff_mm"] == 2.5
    assert rows["lv"]["volume_ml"] == pytest.approx(24 * 0.015) and rows["lv"]["true_volume_ml"] == pytest.approx(0.72)
    assert rows["rv"]["dice"] == pytest.approx(2 / 3) and rows["rv"]["empty"] == rows["lv"]["empty"] == "none"
    assert rows["myo"]["empty"] == "reference" and rows["myo"]["dice"] == 0 and np.isnan(rows["myo"]["assd_mm"])
    nothing = np.zeros_like(true)
    (both,) = structure_rows(nothing, nothing, CASE, ["rv"])
    assert both["empty"] == "both" and (both["dice"], both["hausdorff_mm"], both["assd_mm"]) == (1, 0, 0)
    (missed,) = structure_rows(nothing, true, CASE, ["lv"])
    assert missed["empty"] == "prediction" and missed["dice"] == 0 and np.isnan(missed["hausdorff_mm"])
