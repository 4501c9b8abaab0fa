"""The sector of an echo clip: how it is found and cut out, and how text in it is blackened."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echo_files import burn, fan, speckle, write_dicom
from echonet.analysis.beats import beats_from_masks
from echonet.data.avi import write_mjpg
from echonet.data.clip_reader import read_clip
from echonet.data.sector import crop_square, cut_out, find_sector
from echonet.data.standard_clips import NOTES, standard_frames


def test_the_sector_is_found_within_a_few_pixels_and_never_outside_itself():
    mask, found_by = find_sector(speckle())
    assert found_by == "motion"
    assert not (mask & ~cv2.dilate(fan().astype(np.uint8), np.ones((3, 3))).astype(bool)).any()
    assert (mask & fan()).sum() > 0.97 * fan().sum()


def test_a_single_frame_gives_its_sector_by_brightness():
    mask, found_by = find_sector(burn(speckle(1), "NAME", (5, 20)))
    assert found_by == "brightness"
    assert (mask & fan()).sum() / (mask | fan()).sum() > 0.95


@pytest.mark.parametrize("level", [0, 77])
def test_an_empty_picture_has_no_sector_and_keeps_its_centre(level):
    mask, found_by = find_sector(np.full((5, 100, 200), level, np.uint8))
    assert found_by == "nothing"
    assert crop_square(mask) == (10, 60, 80)


def test_text_rulers_counters_and_a_running_ecg_leave_no_trace():
    plain = speckle(24)
    screen = burn(plain.copy(), "DOE JANE 1944", (4, 16))
    burn(screen, "12:00:{:02d}", (245, 16), 0.45)
    burn(screen, "ID 4711", (4, 120))
    screen[:, 20:200:12, 310:316] = 200
    screen[:, 60:160, 300:306] = np.arange(100, dtype=np.uint8)[:, None] * 2
    for number, frame in enumerate(screen):
        beats = (236 - 10 * (np.mod(np.arange(320) + 7 * number, 60) < 4)).astype(int)
        frame[beats, np.arange(320)] = 180
    assert not np.array_equal(screen, plain)
    assert np.array_equal(standard_frames(screen)[0], standard_frames(plain)[0])


def test_text_leaves_no_trace_in_lossy_video(tmp_path):
    screen = burn(burn(speckle(), "DOE JANE", (4, 16)), "ID 4711", (4, 120))
    write_mjpg(tmp_path / "screen.avi", np.stack([screen] * 3, axis=-1), 30)
    frames = read_clip(tmp_path / "screen.avi").frames
    mask, _ = find_sector(frames)
    block = np.ones((17, 17), np.uint8)  # by which compression may blur the edge
    assert not (mask & ~cv2.dilate(fan().astype(np.uint8), block).astype(bool)).any()
    assert (mask & fan()).sum() > 0.97 * fan().sum()


def test_text_inside_the_sector_that_does_not_move_is_blackened():
    plain = speckle(24)
    screen = burn(plain.copy(), "DOE JANE", (110, 120))
    cut, found_by, *_ = standard_frames(screen)
    text = cv2.resize((screen != plain).any(axis=0)[12:228, 52:268].astype(np.float32), (112, 112)) > 0.5
    assert found_by == "motion" and text.sum() > 50
    assert cut.max(axis=0).max() > 150
    lit = (cut.min(axis=0) > 60) & (np.ptp(cut, axis=0) < 20)
    assert lit.sum() == 0, "no pixel stays bright in all frames"


def smooth(frames=8):
    """(F, H, W) uint8: a frozen picture, blurred as ultrasound blurs tissue."""
    noise = np.random.default_rng(0).rayleigh(40, fan().shape).astype(np.float32)
    picture = np.clip(cv2.GaussianBlur(noise, (0, 0), 2), 0, 255) * fan()
    return np.repeat(picture.astype(np.uint8)[None], frames, axis=0)


def remains(screen, plain, cut, square=(0, 0, 112)):
    """The brightest of what is left at the places of a text and in the pixels that touch it."""
    top, left, side = square
    text = cv2.dilate((screen != plain).any(axis=0).astype(np.uint8), np.ones((3, 3), np.uint8))
    padded = cv2.copyMakeBorder(text, 0, max(0, top + side - len(text)), 0, 0, cv2.BORDER_CONSTANT)
    inside = padded[top : top + side, left : left + side].astype(np.float32)
    small = cv2.resize(inside, (112, 112), interpolation=cv2.INTER_AREA) > 0.6
    assert small.sum() > 60
    return cut[:, small].max()


@pytest.mark.parametrize("frames", [1, 8])
@pytest.mark.parametrize("light_ground", [True, False])
def test_in_a_frozen_picture_text_is_blackened_and_tissue_kept(frames, light_ground):
    plain = smooth(frames)
    if light_ground:
        plain[:, 90:150, 100:240] = 200
    screen = 255 - burn(255 - plain, "DOE JANE", (115, 125)) if light_ground else burn(plain.copy(), "DOE", (115, 125))
    cut, found_by, square, blackened = standard_frames(screen)
    assert found_by == "brightness" and remains(screen, plain, cut, square) < 30 < cut.max()
    assert standard_frames(smooth(frames)).blackened < 0.05 < blackened < 0.3


def test_text_in_frames_of_112_pixels_is_blackened_whether_they_move_or_not():
    for plain in (speckle(12, np.ones((112, 112), bool)), smooth()[:, 70:182, 100:212]):
        screen = burn(plain.copy(), "DOE", (30, 60))
        cut, found_by, *_ = standard_frames(screen)
        assert found_by == "kept" and remains(screen, plain, cut) == 0 and (cut > 0).mean() > 0.9


REAL_LOSS = {  # the most that may be blackened of a real sector, as a clip and as one frozen frame
    "a4c_echotracker_input.mp4": (0.001, 0.005),
    "a4c_sonosite_30f_ybr_color.dcm": (0.006, 0.012),
    "apical_echotracker_input1.mp4": (0.002, 0.005),
    "US-RGB-8-esopecho.dcm": (0.04, 0.04),  # lines and a circle of the scanner among it
}


@pytest.mark.parametrize("name", REAL_LOSS)
def test_hardly_any_real_tissue_is_blackened(real_data, name):
    frames = read_clip(real_data / "echo" / name).frames
    moving, frozen = (standard_frames(part).blackened for part in (frames, frames[:1]))
    assert (moving <= REAL_LOSS[name][0], frozen <= REAL_LOSS[name][1]) == (True, True), (moving, frozen)
    again = standard_frames(standard_frames(frames).frames)
    assert again.sector == "kept" and (len(frames) == 1 or again.blackened < 0.01)


def test_of_two_sectors_side_by_side_the_left_one_is_taken_and_said():
    mask = np.concatenate([fan(), fan()], axis=1)
    cut, found_by, (_, left, side), _ = standard_frames(speckle(mask=mask))
    alone, _, place, _ = standard_frames(speckle(mask=mask)[:, :, :320])
    assert found_by == "two" and (left, side) == place[1:]
    assert np.array_equal(cut, alone) and "text may remain" in NOTES["two"]


@pytest.mark.parametrize("name", ["112x112_text", "frozen_banner_touches_sector"])
def test_where_text_may_remain_that_is_said(real_data, name):
    frames = read_clip(real_data / f"cases/hostile/{name}.dcm").frames
    cut, found_by, *_ = standard_frames(frames)
    assert NOTES[found_by].startswith("text may remain")
    if name.startswith("112"):
        assert cut.max() < 25
    else:  # the light ground of the name may remain around it
        assert cut[:, 6:16, :58].max() == 0 and cut[:, 6:16, 64:].min() > 100


def test_the_sector_is_found_in_a_noisy_copy():
    noise = np.random.default_rng(1).normal(0, 2, (24, *fan().shape))
    screen = burn(speckle(24), "DOE JANE", (4, 16)) + noise
    mask, found_by = find_sector(np.clip(screen, 0, 255).astype(np.uint8))
    assert found_by == "motion"
    assert (mask & fan()).sum() / (mask | fan()).sum() > 0.97


def test_a_clip_that_moves_everywhere_is_kept_whole_and_says_so():
    assert find_sector(speckle(mask=np.ones((90, 120), bool))).found_by == "whole"


@given(st.integers(20, 90), st.integers(20, 90), st.integers(0, 5), st.integers(0, 5))
def test_cutting_out_keeps_the_shape_and_blackens_the_outside(height, width, top, left):
    mask = np.zeros((120, 160), bool)
    mask[top : top + height, left : left + width] = True
    frames = np.full((2, 120, 160), 200, np.uint8)
    small = cut_out(frames, mask, mask, 112)
    _, _, side = crop_square(mask)
    assert small.shape == (2, 112, 112)
    inside = cv2.erode((small[0] > 0).astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    assert np.median(small[0][inside]) == 200
    assert abs((small[0] > 0).mean() - height * min(width, side) / side**2) < 0.05


def test_frames_that_are_converted_already_stay_as_they_are():
    frames = np.random.default_rng(0).integers(0, 255, (40, 112, 112), np.uint8)
    cut, sector, *_ = standard_frames(frames)
    assert sector == "kept"
    assert np.array_equal(cut, frames)


def beating_heart():
    """(F, H, W) uint8: three beats of a dark ellipse in a sector of speckle; its long axis lies at 30 degrees."""
    y, x = np.mgrid[:240, :320].astype(float)
    down, across = y - 130, x - 160
    long, short = down * np.cos(np.pi / 6) + across * np.sin(np.pi / 6), across * np.cos(np.pi / 6) - down * 0.5
    frames = (speckle(60) // 4 + 90) * fan().astype(np.uint8)
    for number, frame in enumerate(frames):
        scale = 1 + 0.15 * np.cos(2 * np.pi * number / 20)
        frame[(long / (60 * scale)) ** 2 + (short / (30 * scale)) ** 2 < 1] = 6
    return frames


@pytest.mark.parametrize(("rows", "columns", "aspect"), [(1, 2, [1, 2]), (2, 1, [2, 1])])
def test_pixels_that_are_not_square_give_the_ef_of_the_square_original(tmp_path, rows, columns, aspect):
    def ef(pixels, **fields):
        clip = read_clip(write_dicom(tmp_path / "c.dcm", pixels, "MONOCHROME2", **fields))
        frames = standard_frames(clip.frames).frames
        dark = np.stack([frame < 55 for frame in frames])
        parts = [cv2.connectedComponents(frame.astype(np.uint8))[1] for frame in dark]
        cavity = np.stack([part == part[60, 56] for part in parts])
        return beats_from_masks(cavity, np.array([10, 30, 50]))["ef"].mean()

    square = beating_heart()
    stretched = square.reshape(60, 240 // rows, rows, 320 // columns, columns).mean(axis=(2, 4)).astype(np.uint8)
    expected = ef(square)
    assert expected == pytest.approx(100 * (1 - (0.85 / 1.15) ** 3), abs=4)
    assert ef(stretched, PixelAspectRatio=aspect) == pytest.approx(expected, abs=1)
    assert abs(ef(stretched) - expected) > 0.3, "the aspect matters"
