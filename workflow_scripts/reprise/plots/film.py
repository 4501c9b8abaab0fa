"""Films: a picture for each frame, and below it curves over time with a marker that keeps step."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reprise.plots.style import styled
from reprise.step.files import outputs

TITLE_PX, CURVE_PX = 36, 222  # heights of the strips above and below the pictures
MARGINS_PX = {"left": 78, "right": 16, "top": 40, "bottom": 54}  # around the curves, within their strip
DPI = 100
INK, BACKGROUND = "#E8E8E8", "#000000"
DASHES = (0, (3, 2))
H264 = {"crf": "28", "preset": "superfast"}
H264_BYTES = 300_000  # at most, about: a longer film has fewer bits per second, not a larger file
MJPG = {"qmin": "8", "qmax": "8"}


class Curve(NamedTuple):
    """A value for each frame (F,), not finite where there is a gap; its colour and its name."""

    values: np.ndarray
    colour: str
    label: str


class Mark(NamedTuple):
    """A vertical line at a frame; without a label it is not in the legend."""

    frame: int
    colour: str
    label: str
    dashed: bool


class Plot(NamedTuple):
    """What stands above and below the pictures: a short title, and curves with marks."""

    title: str
    curves: Sequence[Curve]
    marks: Sequence[Mark]
    quantity: str  # of the curves, with its unit
    time: str  # what the lower axis shows: frames divided by `fps`
    fps: float  # frames per second of the film


class Canvas(NamedTuple):
    """What all frames have in common: the surroundings of the pictures, and the position of the curves."""

    picture: np.ndarray  # (H, W, 3) uint8
    points: np.ndarray  # (C, F, 2) integers, column and row of each curve at each frame
    span: tuple[int, int]  # first and last row of the curves' panel


def write_film(path_mp4: str | Path, path_avi: str | Path | None, pictures: Iterable[np.ndarray], plot: Plot) -> None:
    """Write a film as H.264 MP4 (yuv420p, plays in browsers) and, if wanted, as MJPG AVI.

    Args:
        path_mp4: file to write.
        path_avi: a second file, or None; both appear or neither.
        pictures: one (H, W, 3) uint8 for each frame, RGB, of equal size.
        plot: with a value of each curve for each frame.

    Raises:
        InputError: the disk is full, or the folder cannot be written.
    """
    waiting = iter(pictures)
    first = next(waiting)
    canvas = draw_canvas(first.shape[:2], plot)
    size, count = canvas.picture.shape[1::-1], canvas.points.shape[1]
    with outputs(path_mp4, *([path_avi] if path_avi else [])) as partials:
        _encode(partials, film_frames(chain([first], waiting), canvas), size, plot.fps, count)


def film_frames(pictures: Iterable[np.ndarray], canvas: Canvas) -> Iterator[np.ndarray]:
    """Yield each frame of the film, (H', W', 3) uint8: the canvas, its picture, and the markers."""
    for number, picture in enumerate(pictures):
        frame = canvas.picture.copy()
        frame[TITLE_PX : TITLE_PX + len(picture), : picture.shape[1]] = picture
        _draw_markers(frame, canvas.points[:, number], canvas.span)
        yield frame


@styled
def draw_canvas(shape: tuple[int, int], plot: Plot) -> Canvas:
    """Draw the title and the curves with their marks, once for all frames of pictures of `shape` (height, width)."""
    width = (shape[1] + 1) // 2 * 2  # H.264 needs even sizes
    height = (TITLE_PX + shape[0] + CURVE_PX + 1) // 2 * 2
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=BACKGROUND)
    _write_title(figure, plot.title, width, height)
    bottom, top = MARGINS_PX["bottom"], CURVE_PX - MARGINS_PX["top"]
    left, right = MARGINS_PX["left"], width - MARGINS_PX["right"]
    axes = figure.add_axes((left / width, bottom / height, (right - left) / width, (top - bottom) / height))
    _draw_curves(axes, plot)
    painter = FigureCanvasAgg(figure)
    painter.draw()
    points = np.stack([_points(axes, curve.values, plot.fps) for curve in plot.curves])
    points[..., 1] = height - 1 - points[..., 1]
    return Canvas(
        np.asarray(painter.buffer_rgba())[..., :3].copy(),
        np.rint(points).astype(int),
        (height - top, height - 1 - bottom),
    )


def _points(axes: Axes, values: np.ndarray, fps: float) -> np.ndarray:
    """Pixels (F, 2) of a curve, counted from the bottom; a gap lies at the lower end."""
    known = np.where(np.isfinite(values), values, axes.get_ylim()[0])
    return axes.transData.transform(np.column_stack([np.arange(len(values)) / fps, known]))


def _write_title(figure: Figure, title: str, width: int, height: int) -> None:
    """Write the title at the top left, smaller if it would not fit."""
    y = 1 - TITLE_PX / 2 / height
    text = figure.text(10 / width, y, title, color=INK, fontsize=13, va="center", parse_math=False)
    text.set_fontsize(13 * min(1.0, (width - 20) / max(text.get_window_extent().width, 1.0)))


def _draw_curves(axes: Axes, plot: Plot) -> None:
    """Draw the curves over time with their marks, light on dark, the legend above them."""
    axes.set_facecolor(BACKGROUND)
    axes.grid(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.tick_params(colors=INK, labelsize=12)
    axes.set_xlabel(plot.time, color=INK, fontsize=12, labelpad=1)
    axes.set_ylabel(plot.quantity, color=INK, fontsize=12)
    axes.locator_params(axis="y", nbins=4, integer=True)
    count = len(plot.curves[0].values)
    axes.set_xlim(0, max(count - 1, 1) / plot.fps)
    values = np.concatenate([curve.values for curve in plot.curves])
    drawn = values[np.isfinite(values)]
    low, high = (drawn.min(), drawn.max()) if len(drawn) else (0.0, 0.0)
    room = 0.08 * (high - low) or 1.0  # a constant curve still gets an axis
    axes.set_ylim(low - room, high + room)
    for mark in plot.marks:
        style = DASHES if mark.dashed else "-"
        axes.axvline(mark.frame / plot.fps, color=mark.colour, lw=2, label=mark.label, ls=style)
    for curve in plot.curves:
        axes.plot(np.arange(count) / plot.fps, curve.values, color=curve.colour, lw=1.8, label=curve.label)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 0.98),
        ncol=max(4, len(plot.curves) + len(plot.marks)),
        fontsize=12,
        frameon=False,
        labelcolor=INK,
        columnspacing=1.2,
    )


def _draw_markers(picture: np.ndarray, points: np.ndarray, span: tuple[int, int]) -> None:
    """Draw, in place, a thin line through the panel at this frame and a dot on each curve."""
    column = int(points[0, 0])
    cv2.line(picture, (column, span[0]), (column, span[1]), (150, 150, 150), 1)
    for _, row in points.tolist():
        cv2.circle(picture, (column, row), 6, (255, 255, 255), -1, cv2.LINE_AA)


def _encode(paths: Sequence[Path], frames: Iterator[np.ndarray], size: tuple[int, int], fps: float, n: int) -> None:
    """Encode `n` frames of `size` (width, height), each made once, into the MP4 and, if named, into the AVI."""
    bits = str(int(8 * H264_BYTES * fps / n))
    mp4 = ("mp4", "libx264", "yuv420p", H264 | {"maxrate": bits, "bufsize": bits}, {"movflags": "faststart"})
    avi = ("avi", "mjpeg", "yuvj420p", MJPG, dict[str, str]())
    with ExitStack() as stack:
        streams = []
        for path, (container, codec, pixels, options, layout) in zip(paths, (mp4, avi), strict=False):
            file = stack.enter_context(av.open(str(path.absolute()), "w", format=container, options=layout))
            stream = file.add_stream(codec, rate=Fraction(fps).limit_denominator(1001), options=options)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height = size
            stream.pix_fmt = pixels
            stream.codec_context.thread_count = 1  # the same bytes on any machine
            streams.append((file, stream))
        for frame in frames:
            image = av.VideoFrame.from_ndarray(frame, format="rgb24")
            for file, stream in streams:
                file.mux(stream.encode(image))
        for file, stream in streams:
            file.mux(stream.encode(None))
