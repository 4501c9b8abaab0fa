"""Overlay videos: what is painted where, what a player gets, and clips that are out of the ordinary."""

from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from echonet.analysis.overlay import (
    SCALE,
    area_plot,
    enlarge,
    enlarge_mask,
    paint,
    side_by_side,
    write_overlay_video,
)
from figure_example import RUNS, make_study
from reprise.plots.film import CURVE_PX, H264_BYTES, MARGINS_PX, TITLE_PX, draw_canvas, film_frames

FPS, SIZE = 30, 112


def make_clip(n: int, channels: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames, masks and areas of a disc that beats."""
    y, x = np.mgrid[:SIZE, :SIZE]
    radius = 24 + 6 * np.cos(2 * np.pi * np.arange(n) / 20)
    masks = (x - 50) ** 2 + (y - 60) ** 2 < radius[:, None, None] ** 2
    grey = np.where(masks, 40, 150).astype(np.uint8)
    return np.repeat(grey[..., None], channels, axis=-1), masks, masks.sum((1, 2))


def decoded(path: Path) -> tuple[list[np.ndarray], av.VideoStream]:
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)], file.streams.video[0]


@settings(deadline=None)
@given(arrays(bool, (9, 12)), arrays(np.uint8, (9, 12, 1)))
def test_colour_is_exactly_where_the_mask_is(mask, frame) -> None:
    image, large = enlarge(frame), enlarge_mask(mask)
    painted = paint(image, large)
    assert painted.shape == (9 * SCALE, 12 * SCALE, 3)
    changed = (painted != image).any(axis=-1)
    assert not changed[~large].any(), "not a pixel outside changes"
    tinted = painted[..., 2].astype(int) - painted[..., 0]
    assert (tinted[large] > 0).all(), "every pixel inside turns blue"
    middle = slice(SCALE // 2, None, SCALE)
    assert np.array_equal(large[middle, middle], mask), "a source pixel's centre keeps its side"
    assert np.array_equal(image[middle, middle, :1], frame)


def test_frames_show_raw_left_overlay_right_and_a_marker_in_step() -> None:
    frames, masks, areas = make_clip(20)
    canvas = draw_canvas((SIZE * SCALE, 2 * SIZE * SCALE), area_plot(areas, [10], FPS, (0, 9), "title"))
    pictures = list(film_frames(side_by_side(frames, masks), canvas))
    wide = SIZE * SCALE
    rows = slice(TITLE_PX, TITLE_PX + wide)
    for picture, frame in zip(pictures, frames, strict=True):
        assert np.array_equal(picture[rows, :wide], enlarge(frame))
    moved = [np.argwhere((picture != canvas.picture).any(-1))[:, 1][-1] for picture in pictures]
    (points,) = canvas.points
    assert len(set(map(tuple, points))) == 20 and moved == sorted(moved) and len(set(moved)) > 15
    dots = [picture[row, column] for picture, (column, row) in zip(pictures, points, strict=True)]
    assert (np.array(dots) == 255).all(), "the dot is on the curve's point"
    lowest, highest = points[areas.argmin(), 1], points[areas.argmax(), 1]
    assert canvas.span[0] <= highest < lowest <= canvas.span[1]


@pytest.mark.parametrize("channels", [1, 3])
def test_both_files_play_frame_for_frame(tmp_path, channels) -> None:
    frames, masks, areas = make_clip(30, channels)
    paths = tmp_path / "a.mp4", tmp_path / "a.avi"
    write_overlay_video(*paths, frames, masks, areas, [10], FPS, (0, 10), "case · EF 55 %")
    width, height = 2 * SCALE * SIZE, TITLE_PX + SCALE * SIZE + CURVE_PX
    for path, codec in zip(paths, ("h264", "mjpeg"), strict=True):
        pictures, stream = decoded(path)
        assert (len(pictures), stream.codec_context.name, stream.average_rate) == (30, codec, FPS)
        assert pictures[0].shape == (height, width, 3) and not (width % 2 or height % 2)
        inside = TITLE_PX + SCALE * 60, width // 2 + SCALE * 50
        red, _, blue = pictures[5][inside].astype(int)
        assert blue > red + 20, "the mask's colour survives the codec"
    assert stream.codec_context.pix_fmt == "yuvj420p" and decoded(paths[0])[1].codec_context.pix_fmt == "yuv420p"
    content = paths[0].read_bytes()
    assert content.index(b"moov") < content.index(b"mdat"), "a browser can start before the end"
    reader = cv2.VideoCapture(str(paths[1]))
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == 30 and reader.read()[0]


def test_the_same_clip_gives_the_same_bytes_and_only_the_files_asked_for(tmp_path) -> None:
    frames, masks, areas = make_clip(12)
    for name in ("a", "b"):
        write_overlay_video(tmp_path / f"{name}.mp4", None, frames, masks, areas, [], 47.3, None, "x")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]


def test_a_long_noisy_video_stays_small(tmp_path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (90, SIZE, SIZE, 1), dtype=np.uint8)
    masks = np.zeros(frames.shape[:3], bool)
    write_overlay_video(tmp_path / "a.mp4", None, frames, masks, masks.sum((1, 2)), [], 50, None, "noise")
    assert (tmp_path / "a.mp4").stat().st_size < 2 * H264_BYTES


ODD = {
    "one frame": (1, np.array([900.0]), [0]),
    "empty masks": (5, np.zeros(5), []),
    "constant area": (5, np.full(5, 700.0), [2]),
    "no area known": (5, np.full(5, np.nan), []),
    "gaps": (5, np.array([np.nan, 700.0, 710.0, np.nan, 650.0]), [4]),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("n", "areas", "systoles"), ODD.values(), ids=ODD.keys())
def test_odd_clips_are_rendered(tmp_path, n, areas, systoles) -> None:
    frames, masks, _ = make_clip(n)
    title = "a very long file name of a clip that someone exported $x^2_ " * 3
    write_overlay_video(tmp_path / "a.mp4", None, frames, masks, areas, systoles, 25.0, None, title)
    pictures, _ = decoded(tmp_path / "a.mp4")
    assert len(pictures) == n
    assert (pictures[0][:TITLE_PX, -8:] < 30).all(), "the title ends before the edge"
    below = pictures[0][-CURVE_PX : -CURVE_PX + MARGINS_PX["top"]]
    assert 0 < (below > 100).mean() < 0.2, "light words of a legend on a dark ground"


def test_lengths_that_differ_are_refused_and_leave_nothing(tmp_path) -> None:
    frames, masks, areas = make_clip(5)
    for wrong in ((frames[:4], masks, areas), (frames[:0], masks[:0], areas[:0])):
        with pytest.raises(ValueError, match="do not make a video"):
            write_overlay_video(tmp_path / "a.mp4", None, *wrong, [], 25, None, "x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [(111, 113), (80, 121), (113, 90)])
def test_any_frame_size_gives_a_picture_of_even_size(shape) -> None:
    canvas = draw_canvas((SCALE * shape[0], SCALE * shape[1]), area_plot(np.arange(4.0), [], 25, None, "x"))
    assert canvas.picture.shape[0] % 2 == canvas.picture.shape[1] % 2 == 0


def test_step_renders_cases_over_the_range_of_ef(tmp_path, run_step) -> None:
    study = make_study(tmp_path / "study", 5)
    run = study / "segmentation" / RUNS["segmentation"]
    masks = ["--areas", run / "areas.csv", "--masks", run / "masks.npy", "--size", run / "size_sound.csv"]
    common = ["echonet/render_videos.py", "--store", study / "store", *masks, "--output", tmp_path / "videos"]
    done = run_step(*common, "--settings", '{"cases": 3}')
    assert done.returncode == 0, done.stderr
    index = pd.read_csv(tmp_path / "videos" / "videos.csv")
    ef = pd.read_csv(study / "store" / "cases.csv").query("split == 'test'")["ef"]
    assert index["ef"].is_monotonic_increasing and (index["ef"].min(), index["ef"].max()) == (ef.min(), ef.max())
    assert set(index["systoles"]) == {1} and len(index) == 3
    for name in index["case"]:
        assert len(decoded(tmp_path / "videos" / f"{name}.mp4")[0]) == 40
        assert (tmp_path / "videos" / f"{name}.avi").is_file()
        picture = cv2.imread(str(tmp_path / "videos" / f"{name}.webp"))
        assert picture.shape[:2] == (96, 96) and np.ptp(picture, axis=2).max() > 60, "a mask in colour on a grey image"
    np.save(run / "masks.npy", np.zeros((3, 4, 4), np.uint8))
    done = run_step(*common, "--settings", '{"cases": 3}')
    assert done.returncode == 2 and "masks.npy: expected a mask for each of 200 areas, found 3" in done.stderr
