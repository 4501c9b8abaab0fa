"""Reads the frames of a video file: AVI, MP4, MOV and all else that FFmpeg decodes."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np

from echonet.data.avi import FORMATS
from echonet.data.frames import (
    LARGEST_FRAME,
    MOST_FRAMES,
    RATE_TOLERANCE,
    Clip,
    first_plausible,
    rate_of_steps,
    stack_frames,
    with_square_pixels,
)
from reprise.step.errors import InputError

# FFmpeg follows no playlist and sends no request, whatever a file holds.
ONLY_VIDEOS = {"protocol_whitelist": "file", "format_whitelist": FORMATS}


def read_video_clip(source: Path | BytesIO) -> Clip:
    """Decode a video file, or the video inside a DICOM file; colour becomes grey.

    Raises:
        InputError: it is damaged, cut short, or without video; the message does not name the file.
    """
    try:
        with av.open(
            source if isinstance(source, BytesIO) else str(source.absolute()), "r", options=ONLY_VIDEOS
        ) as container:
            if not container.streams.video:
                raise InputError("holds no video")
            stream = container.streams.video[0]
            stream.codec_context.options = {"max_pixels": str(LARGEST_FRAME // 3)}
            times: list[float] = []
            decoded = _upright_frames(container, times)
            dropped: list[str] = []
            if container.format.name == "avi" and stream.average_rate:
                decoded = _with_dropped(decoded, times, float(stream.average_rate), dropped)
            frames = stack_frames(decoded)
            rate, oddities = rate_of_steps(np.diff(times).round(2))
            oddities = dropped or oddities
            stated = float(stream.average_rate or 0)
            even = abs(rate - stated) < RATE_TOLERANCE * stated
            fps, fps_source = first_plausible({"video header": stated * even, "frame times": rate, "average": stated})
            frames, stretched = with_square_pixels(frames, 1 / float(stream.sample_aspect_ratio or 1))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise InputError("is damaged, or no video that can be decoded") from error
    return Clip(frames, fps, fps_source, (*oddities, *stretched))


def _upright_frames(container: av.container.InputContainer, times_ms: list[float]) -> Iterator[np.ndarray]:
    """Grey frames, rotated as the header says; their times are added to `times_ms`.

    Packets are counted, not frames: an edit list may hide frames, but never the packets that hold them. The last
    packet's number counts, too, because AVI has none for a frame that was dropped.
    """
    stream = container.streams.video[0]
    promised, found, last = stream.frames, 0, 0
    for packet in container.demux(stream):
        found += packet.size > 0
        if container.format.name == "avi" and packet.pts is not None:
            last = max(last, packet.pts + 1)
        if packet.is_corrupt:
            raise InputError("is cut short or damaged")
        for frame in packet.decode():
            grey = cv2.cvtColor(frame.to_ndarray(format="rgb24"), cv2.COLOR_RGB2GRAY)
            times_ms.append(1000 * frame.time if frame.time is not None else 0.0)
            yield np.ascontiguousarray(np.rot90(grey, round(frame.rotation / 90) % 4))
    if max(found, last) < promised:
        raise InputError(f"is cut short: its header promises {promised} frames, it holds {found}")


def _with_dropped(
    frames: Iterator[np.ndarray], times_ms: list[float], fps: float, oddities: list[str]
) -> Iterator[np.ndarray]:
    """The frames of an AVI, each one again in place of those after it that are empty: so a player shows them.

    A frame that was dropped while recording is empty in an AVI. What was done is added to the oddities.
    """
    before, made, empty = None, 0, 0
    for frame in frames:
        number = round(times_ms[-1] * fps / 1000)
        if before is not None and number - made > MOST_FRAMES:
            raise InputError("is damaged: the times of its frames leave gaps that no clip has")
        while before is not None and made < number:
            yield before
            made, empty = made + 1, empty + 1
        yield frame
        before, made = frame, max(made, number) + 1
    if empty:
        oddities.append(
            f"{empty} of its {made} frames are empty (dropped while recording); the one before stands there"
        )
