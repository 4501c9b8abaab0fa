"""Overlay videos: a clip, the same clip with its mask, and below them the area over time with a marker."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from reprise.plots.style import GREEN, ORANGE, SKY, styled
from reprise.step.files import outputs

SCALE = 3  # odd, so that the centre of a source pixel is the centre of a pixel of the video
OPACITY = 0.3
CONTOUR_PX = 2
TITLE_PX, CURVE_PX = 36, 222  # heights of the strips above and below the images
MARGINS_PX = {"left": 78, "right": 16, "top": 40, "bottom": 54}  # around the curve, within its strip
DPI = 100
INK, DIM, BACKGROUND = "#E8E8E8", "#404040", "#000000"
MASK, MARKER, DIASTOLE, SYSTOLE = SKY, "#FFFFFF", GREEN, ORANGE
H264 = {"crf": "28", "preset": "superfast"}
H264_BYTES = 300_000  # at most, about: a longer video has fewer bits per second, not a larger file
MJPG = {"qmin": "8", "qmax": "8"}


class Canvas(NamedTuple):
    """What all frames have in common: the picture around the images, and the position of the curve."""

    picture: np.ndarray  # (H, W, 3) uint8
    points: np.ndarray  # (F, 2) integers, column and row of the curve at each frame
    span: tuple[int, int]  # first and last row of the curve's panel


def write_overlay_video(
    path_mp4: str | Path,
    path_avi: str | Path | None,
    frames: np.ndarray,
    masks: np.ndarray,
    areas: np.ndarray,
    systoles: Sequence[int],
    fps: float,
    human: tuple[int, int] | None,
    title: str,
) -> None:
    """Write a clip's overlay video as H.264 MP4 (yuv420p, plays in browsers) and, if wanted, as MJPG AVI.

    Args:
        path_mp4: file to write.
        path_avi: a second file, or None; both appear or neither.
        frames: (F, H, W, C) uint8, RGB or grey (C = 3 or 1).
        masks: (F, H, W) bool.
        areas: (F,) area of each mask, px.
        systoles: frames that were found to be end-systoles; solid lines.
        fps: frames per second, of the clip and of the video.
        human: the frames that were traced as end-diastole and as end-systole, dashed lines; or None.
        title: a short line.

    Raises:
        ValueError: the arrays differ in their number of frames, or there are no frames.
        InputError: the disk is full, or the folder cannot be written.
    """
    if not len(frames) == len(masks) == len(areas) or not len(frames):
        raise ValueError(f"{len(frames)} frames, {len(masks)} masks and {len(areas)} areas do not make a video")
    canvas = draw_canvas(frames.shape[1:3], np.asarray(areas, float), systoles, fps, human, title)
    with outputs(path_mp4, *([path_avi] if path_avi else [])) as partials:
        size = canvas.picture.shape[1::-1]
        _encode(partials, overlay_frames(frames, masks, canvas), size, fps, len(frames))


def overlay_frames(frames: np.ndarray, masks: np.ndarray, canvas: Canvas) -> Iterator[np.ndarray]:
    """Yield each frame of the video, (H', W', 3) uint8: the canvas, the clip's two images, and the marker."""
    for frame, mask, point in zip(frames, masks, canvas.points, strict=True):
        image = enlarge(frame)
        both = np.concatenate([image, paint(image, enlarge_mask(mask))], axis=1)
        picture = canvas.picture.copy()
        picture[TITLE_PX : TITLE_PX + len(both)] = both
        _draw_marker(picture, point, canvas.span)
        yield picture


def enlarge(frame: np.ndarray) -> np.ndarray:
    """Enlarge a frame (H, W, C), grey or RGB, to (H * SCALE, W * SCALE, 3) by cubic interpolation."""
    large = cv2.resize(frame, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    return large if large.ndim == 3 else np.repeat(large[..., None], 3, axis=2)


def enlarge_mask(mask: np.ndarray) -> np.ndarray:
    """Enlarge a mask (H, W) bool with a smooth border; the centre of each source pixel keeps its value."""
    large = cv2.resize(mask.astype(np.float32), None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    return large > 0.5


def paint(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Tint an image (H, W, 3) where the mask (H, W) is true and draw its inner border; no other pixel changes."""
    colour = np.empty_like(image)
    colour[:] = np.rint(255 * np.array(to_rgb(MASK)))
    area = mask.astype(np.uint8)
    inner = cv2.erode(area, np.ones((3, 3), np.uint8), iterations=CONTOUR_PX, borderValue=0)
    tinted = cv2.addWeighted(image, 1 - OPACITY, colour, OPACITY, 0)
    return cv2.copyTo(tinted, inner, cv2.copyTo(colour, area, image.copy()))


@styled
def draw_canvas(
    shape: tuple[int, int],
    areas: np.ndarray,
    systoles: Sequence[int],
    fps: float,
    human: tuple[int, int] | None,
    title: str,
) -> Canvas:
    """Draw the title and the area curve with its lines, once for all frames of a clip of `shape` (height, width).

    Areas are in px, one per frame; an area that is not finite is a gap in the curve.
    """
    width = 2 * SCALE * shape[1]
    height = (TITLE_PX + SCALE * shape[0] + CURVE_PX + 1) // 2 * 2  # H.264 needs even sizes
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=BACKGROUND)
    _write_title(figure, title, width, height)
    bottom, top = MARGINS_PX["bottom"], CURVE_PX - MARGINS_PX["top"]
    left, right = MARGINS_PX["left"], width - MARGINS_PX["right"]
    axes = figure.add_axes((left / width, bottom / height, (right - left) / width, (top - bottom) / height))
    _draw_curve(axes, areas, systoles, fps, human)
    painter = FigureCanvasAgg(figure)
    painter.draw()
    values = np.where(np.isfinite(areas), areas, axes.get_ylim()[0])
    points = axes.transData.transform(np.column_stack([np.arange(len(areas)) / fps, values]))
    points[:, 1] = height - 1 - points[:, 1]
    return Canvas(
        np.asarray(painter.buffer_rgba())[..., :3].copy(),
        np.rint(points).astype(int),
        (height - top, height - 1 - bottom),
    )


def _write_title(figure: Figure, title: str, width: int, height: int) -> None:
    """Write the title at the top left, smaller if it would not fit."""
    y = 1 - TITLE_PX / 2 / height
    text = figure.text(10 / width, y, title, color=INK, fontsize=13, va="center", parse_math=False)
    text.set_fontsize(13 * min(1.0, (width - 20) / max(text.get_window_extent().width, 1.0)))


def _draw_curve(
    axes: Axes, areas: np.ndarray, systoles: Sequence[int], fps: float, human: tuple[int, int] | None
) -> None:
    """Draw the area over time with its lines, light on dark, its legend above it."""
    axes.set_facecolor(BACKGROUND)
    axes.grid(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.tick_params(colors=INK, labelsize=12)
    axes.set_xlabel("time (s)", color=INK, fontsize=12, labelpad=1)
    axes.set_ylabel("area (px)", color=INK, fontsize=12)
    axes.locator_params(axis="y", nbins=4, integer=True)
    axes.set_xlim(0, max(len(areas) - 1, 1) / fps)
    drawn = areas[np.isfinite(areas)]
    low, high = (drawn.min(), drawn.max()) if len(drawn) else (0.0, 0.0)
    room = 0.08 * (high - low) or 1.0  # a constant area still gets an axis
    axes.set_ylim(low - room, high + room)
    for index, frame in enumerate(systoles):
        axes.axvline(frame / fps, color=SYSTOLE, lw=2, label="" if index else "ES computed")
    if human:
        axes.axvline(human[1] / fps, color=SYSTOLE, lw=2, ls=(0, (3, 2)), label="ES traced")
        axes.axvline(human[0] / fps, color=DIASTOLE, lw=2, ls=(0, (3, 2)), label="ED traced")
    axes.plot(np.arange(len(areas)) / fps, areas, color=MASK, lw=1.8, label="LV area")
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 0.98),
        ncol=4,
        fontsize=12,
        frameon=False,
        labelcolor=INK,
        columnspacing=1.2,
    )


def _draw_marker(picture: np.ndarray, point: np.ndarray, span: tuple[int, int]) -> None:
    """Draw, in place, a thin line through the panel at this frame and a dot on the curve."""
    column, row = int(point[0]), int(point[1])
    cv2.line(picture, (column, span[0]), (column, span[1]), (150, 150, 150), 1)
    cv2.circle(picture, (column, row), 6, (255, 255, 255), -1, cv2.LINE_AA)


def _encode(paths: Sequence[Path], pictures: Iterator[np.ndarray], size: tuple[int, int], fps: float, n: int) -> None:
    """Encode `n` pictures of `size` (width, height), each made once, into the MP4 and, if named, into the AVI."""
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
        for picture in pictures:
            image = av.VideoFrame.from_ndarray(picture, format="rgb24")
            for file, stream in streams:
                file.mux(stream.encode(image))
        for file, stream in streams:
            file.mux(stream.encode(None))
