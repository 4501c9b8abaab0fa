"""Echo clips of any format: how they are read, and how their sector is found and cut out."""

import cv2
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate
from pydicom.pixels import convert_color_space
from pydicom.uid import MPEG4HP41, ExplicitVRBigEndian, JPEG2000Lossless, RLELossless

from echo_files import burn, compress, fan, speckle, write_422, write_dicom, write_palette
from echonet.data.avi import write_mjpg
from echonet.data.clip_reader import read_clip
from echonet.data.sector import crop_square, cut_out, find_sector
from echonet.data.standard_clips import NOTES, standard_frames
from reprise.step.errors import InputError


def as_colour(grey, axis=-1):
    return np.stack([grey] * 3, axis=axis)


def as_ybr(grey):
    return np.stack([grey, np.full_like(grey, 128), np.full_like(grey, 128)], axis=-1)


def widened(grey, factor):
    return grey.astype(np.uint16) * factor


FORMS = {
    "MONOCHROME2": lambda path, grey: write_dicom(path, grey, "MONOCHROME2"),
    "MONOCHROME1": lambda path, grey: write_dicom(path, 255 - grey, "MONOCHROME1"),
    "16 bits": lambda path, grey: write_dicom(path, widened(grey, 257), "MONOCHROME2", bits=16),
    "big endian": lambda path, grey: write_dicom(path, widened(grey, 16), "MONOCHROME2", ExplicitVRBigEndian, bits=12),
    "RGB": lambda path, grey: write_dicom(path, as_colour(grey), "RGB"),
    "RGB by planes": lambda path, grey: write_dicom(path, as_colour(grey, axis=1), "RGB", planar=1),
    "YBR_FULL": lambda path, grey: write_dicom(path, as_ybr(grey), "YBR_FULL"),
    "YBR_FULL_422": write_422,
    "PALETTE COLOR": write_palette,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_dicom_gives_the_same_grey_in_every_photometric_form(tmp_path, form):
    grey = speckle(3)
    grey[0, 100, 160], grey[0, 0, 0] = 255, 0
    clip = read_clip(FORMS[form](tmp_path / "clip", grey))
    assert np.abs(clip.frames.astype(int) - grey).max() <= 1
    assert (clip.fps, clip.fps_source) == (30, "assumed")


def test_colour_becomes_its_luminance_in_rgb_and_in_ybr(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (2, 40, 60, 3), np.uint8)
    ybr = convert_color_space(rgb, "RGB", "YBR_FULL")
    luminance = rgb @ [0.299, 0.587, 0.114]  # ITU-R BT.601
    for photometric, pixels in (("RGB", rgb), ("YBR_FULL", ybr)):
        frames = read_clip(write_dicom(tmp_path / "c.dcm", pixels, photometric)).frames
        assert np.abs(frames - luminance).max() < 2


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
@pytest.mark.parametrize("colour", [True, False])
def test_lossless_compression_gives_the_same_grey(tmp_path, syntax, colour):
    grey = speckle(2)
    path = tmp_path / "c.dcm"
    write_dicom(path, as_colour(grey) if colour else grey, "RGB" if colour else "MONOCHROME2")
    compress(path, syntax)
    assert np.array_equal(read_clip(path).frames, grey)


def test_fewer_compressed_frames_than_promised_are_an_error(tmp_path):
    path = write_dicom(tmp_path / "c.dcm", speckle(3), "MONOCHROME2")
    compress(path, RLELossless)
    data = pydicom.dcmread(path)
    data.NumberOfFrames = 5
    data.save_as(path)
    with pytest.raises(InputError, match="promises 5 frames, it holds 3"):
        read_clip(path)


def test_a_video_inside_a_dicom_is_read(tmp_path, real_data):
    mp4 = real_data / "echo" / "apical_echotracker_input1.mp4"
    path = write_dicom(tmp_path / "c.dcm", speckle(2), "MONOCHROME2", CineRate=40)
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = MPEG4HP41
    data.PixelData = encapsulate([mp4.read_bytes()])
    data["PixelData"].is_undefined_length = True
    data.save_as(path)
    assert np.array_equal(read_clip(path).frames, read_clip(mp4).frames)
    assert read_clip(path).fps == 40


RATES = [
    ({"CineRate": 47, "RecommendedDisplayFrameRate": 25}, (47, "CineRate")),
    ({"CineRate": 47, "FrameTime": 10}, (100, "FrameTime")),
    ({"FrameTime": 10, "FrameTimeVector": [0, 20], "FrameIncrementPointer": 0x00181065}, (50, "FrameTimeVector")),
    ({"CineRate": 0, "RecommendedDisplayFrameRate": 25}, (25, "RecommendedDisplayFrameRate")),
    ({"FrameTime": 20}, (50, "FrameTime")),
    ({"FrameTime": 0, "FrameTimeVector": [0, 19, 21]}, (50, "FrameTimeVector")),
    ({"FrameTimeVector": [0]}, (30, "assumed")),
]


@pytest.mark.parametrize(("fields", "expected"), RATES)
def test_the_frame_rate_comes_from_the_first_plausible_field(tmp_path, fields, expected):
    clip = read_clip(write_dicom(tmp_path / "c.dcm", speckle(2), "MONOCHROME2", **fields))
    assert (clip.fps, clip.fps_source) == (pytest.approx(expected[0]), expected[1])


CASES = {
    "04_jpeg_without_jfif/labelled_RGB": (18, 50, "labelled RGB, but stored as YBR_FULL_422"),
    "04_jpeg_without_jfif/labelled_YBR_FULL_422": (18, 50, ""),
    "06_number_of_frames/absent": (18, 50, "NumberOfFrames is absent, but its pixels are those of 18 frames"),
    "06_number_of_frames/says_6_holds_18": (18, 50, "NumberOfFrames is 6, but its pixels are those of 18 frames"),
    "07_frame_rate/display30_frametime10": (18, 100, "DisplayFrameRate is 30, but its frames are 10 ms apart"),
    "07_frame_rate/vector_with_a_pause": (18, 50, "20 ms apart, but up to 3e+03 ms"),
    "07_frame_rate/variable_rate": (40, 50, "20 ms apart, but up to 4.02e+03 ms"),
    "17_missing_attribute/pixel_representation_absent": (18, 50, "PixelRepresentation is absent; taken as 0"),
    "17_missing_attribute/planar_configuration_absent": (6, 50, "PlanarConfiguration is absent; taken as 0"),
    "17_missing_attribute/samples_per_pixel_absent": (6, 50, "SamplesPerPixel is absent; taken as 3"),
    "18_non_square_pixels/pixel_aspect_1_2": (14, 50, "0.5 times as high as wide; they were made square"),
}


@pytest.mark.parametrize("name", CASES)
def test_headers_that_contradict_themselves_are_read_rightly_and_say_so(real_data, name):
    folder, _, stem = name.partition("/")
    (path,) = (real_data / "cases" / folder).glob(f"{stem}.*")
    frames, fps, oddity = CASES[name]
    clip = read_clip(path)
    assert (len(clip.frames), clip.fps) == (frames, pytest.approx(fps, rel=0.01))
    assert oddity in " ".join(clip.oddities) and bool(oddity) == bool(clip.oddities)


def test_the_same_jpeg_is_the_same_whatever_its_label(real_data):
    rgb, ybr = (read_clip(path).frames for path in sorted((real_data / "cases/04_jpeg_without_jfif").iterdir()))
    assert np.array_equal(rgb, ybr) and np.median(rgb[:, :5, :5]) == 0


def test_pixels_that_are_not_square_are_made_so(tmp_path):
    grey = speckle(4)
    path = write_dicom(tmp_path / "c.dcm", grey[:, :, ::2].copy(), "MONOCHROME2", PixelAspectRatio=[1, 2])
    assert read_clip(path).frames.shape == grey.shape
    path = write_dicom(tmp_path / "c.dcm", grey[:, ::2].copy(), "MONOCHROME2", PixelSpacing=[0.2, 0.1])
    assert read_clip(path).frames.shape == grey.shape


def test_more_frames_than_any_clip_has_are_refused(real_data):
    with pytest.raises(InputError, match="is no clip: its pixels are those of 87890 frames"):
        read_clip(real_data / "cases/hostile/deflated_90MB_of_zeros.dcm")


@pytest.mark.parametrize("turned", [90, 180])
def test_a_turned_video_stands_upright(real_data, turned):
    path = real_data / "formats" / "video" / f"video_{turned}.mov"
    upright = cv2.cvtColor(cv2.VideoCapture(str(path)).read()[1], cv2.COLOR_BGR2GRAY)
    assert np.abs(read_clip(path).frames[0].astype(int) - upright).mean() < 3


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
    write_mjpg(tmp_path / "screen.avi", as_colour(screen), 30)
    frames = read_clip(tmp_path / "screen.avi").frames
    mask, _ = find_sector(frames)
    block = np.ones((17, 17), np.uint8)  # by which compression may blur the edge
    assert not (mask & ~cv2.dilate(fan().astype(np.uint8), block).astype(bool)).any()
    assert (mask & fan()).sum() > 0.97 * fan().sum()


def test_text_inside_the_sector_that_does_not_move_is_blackened():
    plain = speckle(24)
    screen = burn(plain.copy(), "DOE JANE", (110, 120))
    cut, found_by, _ = standard_frames(screen)
    text = cv2.resize((screen != plain).any(axis=0)[12:228, 52:268].astype(np.float32), (112, 112)) > 0.5
    assert found_by == "motion" and text.sum() > 50
    assert cut.max(axis=0).max() > 150
    lit = (cut.min(axis=0) > 60) & (np.ptp(cut, axis=0) < 20)
    assert lit.sum() == 0, "no pixel stays bright in all frames"


def test_of_two_sectors_side_by_side_the_left_one_is_taken_and_said():
    mask = np.concatenate([fan(), fan()], axis=1)
    cut, found_by, (_, left, side) = standard_frames(speckle(mask=mask))
    alone, _, place = standard_frames(speckle(mask=mask)[:, :, :320])
    assert found_by == "two" and (left, side) == place[1:]
    assert np.array_equal(cut, alone) and "text may remain" in NOTES["two"]


@pytest.mark.parametrize("name", ["112x112_text", "frozen_banner_touches_sector"])
def test_where_text_may_remain_that_is_said(real_data, name):
    _, found_by, _ = standard_frames(read_clip(real_data / f"cases/hostile/{name}.dcm").frames)
    assert NOTES[found_by].startswith("text may remain")


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
    small = cut_out(frames, mask, 112)
    _, _, side = crop_square(mask)
    assert small.shape == (2, 112, 112)
    inside = cv2.erode((small[0] > 0).astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    assert np.median(small[0][inside]) == 200
    assert abs((small[0] > 0).mean() - height * min(width, side) / side**2) < 0.05


def test_frames_that_are_converted_already_stay_as_they_are():
    frames = np.random.default_rng(0).integers(0, 255, (4, 112, 112), np.uint8)
    cut, sector, _ = standard_frames(frames)
    assert sector == "kept"
    assert np.array_equal(cut, frames)
