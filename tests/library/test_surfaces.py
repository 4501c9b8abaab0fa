"""Surface distances: worked out by hand, against all pairs of surface voxels, and against MONAI's."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from monai.metrics import compute_hausdorff_distance
from scipy.ndimage import binary_erosion, distance_transform_edt, generate_binary_structure

from reprise.evaluation.surfaces import surface_distances

SPACING = (8.0, 1.5, 1.25)
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
        expected = (np.nan,) * 3 if found.any() or true.any() else (0.0,) * 3
        assert measured == pytest.approx(expected, nan_ok=True)
        return
    apart = np.linalg.norm(surface(found)[:, None] - surface(true)[None], axis=-1)
    nearest = [apart.min(axis=1), apart.min(axis=0)]
    assert measured.hausdorff_mm == pytest.approx(max(each.max() for each in nearest), abs=1e-6)
    assert measured.assd_mm == pytest.approx((nearest[0].mean() + nearest[1].mean()) / 2, abs=1e-6)
    ranked = [np.interp(0.95, np.linspace(0, 1, len(each)), np.sort(each)) for each in nearest if len(each) > 1]
    ranked += [each[0] for each in nearest if len(each) == 1]
    assert measured.hd95_mm == pytest.approx(max(ranked), abs=1e-6)


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
    # 95 % of the longer box's voxels lie below rank 75.05 of 0 to 79: the last ten of them are 3 columns beyond.
    assert distances.hd95_mm == pytest.approx(3 * 1.25)
    assert surface_distances(true, true, SPACING) == (0.0, 0.0, 0.0)


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
    assert surface_distances(found, true, SPACING)[:2] == pytest.approx(expected, abs=1e-6)


def test_the_95_percent_hausdorff_distance_is_of_the_worse_direction() -> None:
    """A box with a tail of 40 voxels, 2 to 80 mm from the box: 6 % of its surface, and 3 % of both."""
    true = np.zeros((1, 12, 130), bool)
    true[0, 1:11, 1:60] = True
    found = true.copy()
    found[0, 5, 60:100] = True
    ranked = np.concatenate([np.zeros(590), 2.0 * np.arange(1, 41)])
    measured = surface_distances(found, true, (1.0, 1.0, 2.0))
    assert measured.hausdorff_mm == 80
    assert measured.hd95_mm == pytest.approx(np.percentile(ranked, 95)) and measured.hd95_mm > 10
    assert np.percentile(np.concatenate([ranked, np.zeros(590)]), 95) == 0, "as medpy pools both directions"
    masks = [torch.as_tensor(mask[None, None].astype(np.float32)) for mask in (found, true)]
    monai = compute_hausdorff_distance(*masks, include_background=True, percentile=95, spacing=[1.0, 1.0, 2.0])
    assert measured.hd95_mm == pytest.approx(float(monai))
