"""Volumes, systoles, beats and the clips that beats need."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import polygon

from echonet import find_beats
from echonet.analysis.beats import (
    DISCS,
    beat_starts,
    beats_from_masks,
    clip_starts_for_beats,
    ejection_fraction,
    end_diastoles,
    find_systoles,
    trimmed_ranks,
    volume_from_mask,
    volume_from_tracing,
)
from reprise.data.store import write_store
from reprise.step.errors import InputError

SIDE = 112
RULES = {"distance": 20, "prominence": 0.5, "trim": 0.05}


def ellipsoid_mask(half_length, radius, tilt=0.0, centre=(56.0, 56.0), cut=1.0):
    """A solid of revolution seen from the side, its lower end cut off at `cut` of the half-length."""
    y, x = np.mgrid[:SIDE, :SIDE]
    dx, dy = x - centre[0], y - centre[1]
    along, across = dx * np.sin(tilt) + dy * np.cos(tilt), dx * np.cos(tilt) - dy * np.sin(tilt)
    return ((along / half_length) ** 2 + (across / radius) ** 2 <= 1) & (along <= cut * half_length)


def ellipsoid_volume(half_length, radius, cut=1.0):
    return np.pi * radius**2 * half_length * (cut - cut**3 / 3 + 2 / 3)


def ellipsoid_tracing(half_length, radius, tilt=0.0):
    """Long axis from apex to base, then 20 chords at the middle of each disc."""
    levels = -1 + 2 * (np.arange(DISCS) + 0.5) / DISCS
    widths = radius * np.sqrt(1 - levels**2)
    down, right = np.array([np.sin(tilt), np.cos(tilt)]), np.array([np.cos(tilt), -np.sin(tilt)])
    middle = 56 + levels[:, None] * half_length * down
    chords = np.hstack([middle - widths[:, None] * right, middle + widths[:, None] * right])
    return np.vstack([np.hstack([56 - half_length * down, 56 + half_length * down]), chords])


@given(st.floats(20, 45), st.floats(0.3, 0.8), st.floats(-0.7, 0.7), st.floats(0.1, 1.0))
@settings(max_examples=60, deadline=None)
def test_the_method_of_discs_finds_an_ellipsoid_however_it_is_tilted_or_cut(half_length, slimness, tilt, cut):
    radius = half_length * slimness
    mask = ellipsoid_mask(half_length, radius, tilt, cut=cut)
    assert volume_from_mask(mask) == pytest.approx(ellipsoid_volume(half_length, radius, cut), rel=0.1)
    tracing = ellipsoid_tracing(half_length, radius, tilt)
    assert volume_from_tracing(tracing) == pytest.approx(ellipsoid_volume(half_length, radius), rel=0.002)


def test_the_axis_of_a_lopsided_ventricle_ends_in_the_middle_of_the_mitral_plane():
    apex, left, right = np.array([[42.0, 20], [40, 90], [84, 90]])

    def inside(x, y):
        walls = [(a, b) for a, b in ((apex, left), (left, right), (right, apex))]
        return np.all([(b[0] - a[0]) * (y - a[1]) <= (b[1] - a[1]) * (x - a[0]) for a, b in walls], axis=0)

    base = (left + right) / 2
    length = np.linalg.norm(base - apex)
    along = (base - apex) / length
    # From the apex to the lower corner's height along the axis, by chords of 0.05 px steps.
    reach = (right - apex) @ along
    heights, offsets = reach * (np.arange(DISCS) + 0.5) / DISCS, np.arange(-60, 60, 0.05)
    x, y = apex[:, None, None] + along[:, None, None] * heights[:, None]
    widths = inside(x - along[1] * offsets, y + along[0] * offsets).sum(axis=1) * 0.05
    expected = np.pi / 4 * reach / DISCS * (widths**2).sum()
    columns, rows = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    assert volume_from_mask(inside(columns, rows)) == pytest.approx(expected, rel=0.02)


def test_mask_and_tracing_of_one_ventricle_agree():
    tracing = ellipsoid_tracing(35, 16, 0.3)
    left, right = tracing[1:, :2], tracing[:0:-1, 2:]
    x, y = np.rint(np.vstack([left, right])).T
    mask = np.zeros((SIDE, SIDE), bool)
    mask[polygon(y, x, mask.shape)] = True
    assert volume_from_mask(mask) == pytest.approx(float(volume_from_tracing(tracing)), rel=0.1)


def test_a_malformed_tracing_has_no_volume_and_many_are_computed_at_once():
    tracings = np.stack([ellipsoid_tracing(35, 16), np.full((21, 4), np.nan)])
    volumes = volume_from_tracing(tracings)
    assert np.isfinite(volumes).tolist() == [True, False]
    with pytest.raises(ValueError, match="21"):
        volume_from_tracing(np.zeros((20, 4)))


def test_a_mask_counts_by_its_largest_piece_or_not_at_all():
    whole = ellipsoid_mask(30, 14)
    speck = whole.copy()
    speck[2:5, 2:5] = True
    assert volume_from_mask(speck) == pytest.approx(volume_from_mask(whole))
    scattered = np.zeros((SIDE, SIDE), bool)
    for corner in (5, 40, 75):
        scattered[corner : corner + 12, corner : corner + 12] = True
    for mask in (np.zeros((SIDE, SIDE)), np.eye(SIDE) * (np.arange(SIDE) < 10), scattered):
        assert np.isnan(volume_from_mask(mask))
    line = np.zeros((SIDE, SIDE))
    line[20:80, 50] = 1
    assert 0 < volume_from_mask(line) < 200
    assert np.isfinite(volume_from_mask(np.ones((SIDE, SIDE))))


def test_ejection_fraction_is_of_the_end_diastolic_volume():
    np.testing.assert_allclose(ejection_fraction([100, 50, 0], [40, 60, 1]), [60, -20, np.nan])


def test_the_trimmed_range_lies_where_either_rule_says():
    assert trimmed_ranks(176, "exponent", 0.05) == (1, 136)
    assert trimmed_ranks(176, "percentile", 0.05) == (9, 167)
    # 10 * 0.95 rounds to 10, one past the end.
    assert trimmed_ranks(10, "percentile", 0.05) == (0, 9)


def test_systoles_are_the_deep_minima_and_the_two_rules_part_on_a_skewed_curve():
    frames = np.arange(200)
    beating = 1000 + 300 * np.cos(2 * np.pi * frames / 50)
    for rule in ("exponent", "percentile"):
        assert find_systoles(beating, rule, **RULES).tolist() == [25, 75, 125, 175]
    # Places 1 and 153 span 400 px, places 10 and 190 span 1000 px: too much for two of these dips.
    skewed = np.full(200, 1000.0)
    skewed[:10] = skewed[-10:] = 2000
    skewed[[50, 100, 150]] = 600, 400, 600
    assert find_systoles(skewed, "exponent", **RULES).tolist() == [50, 100, 150]
    assert find_systoles(skewed, "percentile", **RULES).tolist() == [100]


@pytest.mark.parametrize("curve", [[], [5], [5, 5], [3, 2, 3], [7] * 100, [0] * 100])
def test_a_curve_without_a_beat_is_no_crash(curve):
    for rule in ("exponent", "percentile"):
        found = find_systoles(curve, rule, **RULES)
        assert found.dtype == np.intp and len(found) <= (curve == [3, 2, 3])


def test_end_diastole_is_the_largest_area_since_the_systole_before():
    areas = [5, 9, 4, 1, 6, 8, 7, 2, 3]
    assert end_diastoles(areas, [3, 7]).tolist() == [1, 5]
    # The recording begins on the way down: the maximum after the first systole stands in.
    assert end_diastoles([7, 4, 1, 8, 9, 2], [2, 5]).tolist() == [4, 4]
    assert end_diastoles([9, 4, 1, 8, 5], [2]).tolist() == [0]
    assert end_diastoles(areas, []).tolist() == []


def test_ef_of_each_beat_from_masks_is_that_of_the_ellipsoids():
    phase = 2 * np.pi * np.arange(100) / 50
    radii = 13 + 4 * np.cos(phase)
    masks = np.stack([ellipsoid_mask(34, radius) for radius in radii])
    systoles = find_systoles(masks.sum(axis=(1, 2)), "percentile", **RULES)
    beats = beats_from_masks(masks, systoles)
    assert list(beats) == ["beat", "ed_frame", "es_frame", "edv_px3", "esv_px3", "ef"]
    assert len(beats) == 2
    np.testing.assert_allclose(beats["ef"], 100 * (1 - (9 / 17) ** 2), atol=2)
    assert beats_from_masks(masks[:30] * 0, []).empty


def test_a_beat_becomes_a_clip_as_its_rule_says():
    systoles = [10, 25, 60, 150, 170]
    published = beat_starts(systoles, last_start=113, lead=32, move_late=False, repeat=True)
    assert published.tolist() == [0, 0, 28]
    assert beat_starts(systoles, 113, 32, move_late=True, repeat=False).tolist() == [0, 28, 113]
    assert beat_starts([], 113, 32, move_late=True, repeat=False).tolist() == []


@given(st.integers(1, 300), st.lists(st.floats(0, 0.999), max_size=8))
@settings(deadline=None)
def test_the_clips_for_beats_serve_every_rule_and_are_all_valid(n_frames, places):
    systoles = sorted({int(place * n_frames) for place in places})
    starts = clip_starts_for_beats(systoles, n_frames, lead=32, length=32, period=2)
    last = max(n_frames, 64) - 63
    for move_late in (False, True):
        for repeat in (False, True):
            assert set(beat_starts(systoles, last, 32, move_late=move_late, repeat=repeat)) <= set(starts)
    assert starts[0] == 0 and starts[-1] <= last and len(set(starts)) == len(starts)


@pytest.fixture
def segmented(tmp_path):
    """A store with one video's frames, and areas and packed masks of it as the network would leave them."""
    masks = np.stack([ellipsoid_mask(34, 13 + 4 * np.cos(2 * np.pi * frame / 50)) for frame in range(120)])
    cases = pd.DataFrame({"case": ["0X1E5"], "ed_frame": [50], "es_frame": [25], "traced": [0]})
    write_store(tmp_path / "store", cases, {"frames": np.zeros((120, 1), np.uint8)})
    areas = pd.DataFrame({"case": "0X1E5", "frame": range(120), "area": masks.sum(axis=(1, 2))})
    areas.to_csv(tmp_path / "areas.csv", index=False)
    np.save(tmp_path / "masks.npy", np.packbits(masks, axis=-1))
    return tmp_path


def analyse(folder):
    inputs = ["--store", folder / "store", "--areas", folder / "areas.csv", "--masks", folder / "masks.npy"]
    targets = ["--size", folder / "size.csv", "--size-sound", folder / "sound.csv", "--mask-ef", folder / "ef.csv"]
    words = [*inputs, *targets, "--settings", json.dumps(RULES)]
    find_beats.main(find_beats.arguments().parse_args([str(word) for word in words]))


def test_the_step_writes_the_published_columns(segmented):
    analyse(segmented)
    start = "Filename,Frame,Size,HumanLarge,HumanSmall,ComputerSmall\n0X1E5.avi,0,"
    assert (segmented / "size.csv").read_text().startswith(start)
    for name in ("size.csv", "sound.csv"):
        size = pd.read_csv(segmented / name)
        assert [np.flatnonzero(size[column]).tolist() for column in size.columns[3:]] == [[50], [25], [25, 75]]
    beats = pd.read_csv(segmented / "ef.csv", dtype={"case": str})
    assert beats["case"].tolist() == ["0X1E5", "0X1E5"]
    np.testing.assert_allclose(beats["ef"], 100 * (1 - (9 / 17) ** 2), atol=2)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda areas: areas.drop(index=40), "line 42: expected each video's frames together"),
        (lambda areas: areas.assign(case="0X2"), "not in"),
        (lambda areas: areas.iloc[:50], "expected a mask for each of 50 areas, found 120"),
        (lambda areas: areas.drop(columns="area"), "expected the columns case,frame,area; found case,frame"),
        (lambda areas: areas.assign(area="many"), "line 2: area: expected a number, found 'many'"),
    ],
)
def test_damaged_areas_get_one_line_and_nothing_is_written(segmented, damage, message):
    damage(pd.read_csv(segmented / "areas.csv")).to_csv(segmented / "areas.csv", index=False)
    with pytest.raises(InputError, match=message) as refused:
        analyse(segmented)
    assert len(str(refused.value).splitlines()) == 1
    assert {path.name for path in segmented.iterdir()} == {"store", "areas.csv", "masks.npy"}
