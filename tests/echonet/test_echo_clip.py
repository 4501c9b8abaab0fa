"""Echo clips of any format: how they are read."""

import re
import struct

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.pixels import convert_color_space
from pydicom.uid import MPEG4HP41, ExplicitVRBigEndian, JPEG2000Lossless, RLELossless

from echo_files import compress, speckle, write_422, write_dicom, write_palette
from echonet.data.avi import avi_header, write_mjpg
from echonet.data.clip_reader import read_clip
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


def without_picture(data, number):
    """An AVI in which one frame is empty, as a recorder leaves it that dropped a frame."""
    pictures = re.compile(b"00dc").finditer(data, data.index(b"movi"), data.rindex(b"idx1"))
    at = [found.start() for found in pictures][number]
    size = chunk(data, at + 4)
    gone = size + size % 2
    out = bytearray(data[: at + 4] + bytes(4) + data[at + 8 + gone :])
    for place in (4, data.index(b"movi") - 4):  # sizes of what holds the picture
        struct.pack_into("<I", out, place, chunk(data, place) - gone)
    index = out.rindex(b"idx1") + 8
    struct.pack_into("<I", out, index + 16 * number + 12, 0)
    for entry in range(index + 16 * (number + 1), len(out) - 15, 16):
        struct.pack_into("<I", out, entry + 8, chunk(out, entry + 8) - gone)
    return bytes(out)


def chunk(data, at):
    return struct.unpack_from("<I", data, at)[0]


def test_a_frame_that_an_avi_dropped_is_the_one_before_and_is_said(tmp_path):
    write_mjpg(tmp_path / "whole.avi", as_colour(speckle(12)), 50)
    data = (tmp_path / "whole.avi").read_bytes()
    (tmp_path / "dropped.avi").write_bytes(without_picture(data[: data.rindex(b"idx1") + 8 + 16 * 12], 5))
    whole, dropped = (read_clip(tmp_path / name) for name in ("whole.avi", "dropped.avi"))
    assert dropped.fps == whole.fps == 50 and whole.oddities == ()
    assert dropped.oddities[0].startswith("1 of its 12 frames are empty")
    assert np.array_equal(dropped.frames, whole.frames[[0, 1, 2, 3, 4, 4, 6, 7, 8, 9, 10, 11]])
    with pytest.raises(InputError, match="promises 12 frames, 11 are in it and 1 are empty"):
        avi_header((tmp_path / "dropped.avi").read_bytes(), "dropped")
