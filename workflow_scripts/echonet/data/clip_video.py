"""Reads the frames of a video file: AVI, MP4, MOV and all else that FFmpeg decodes."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np

from echonet.data.avi import FORMATS
from echonet.data.frames import RATE_TOLERANCE, Clip, first_plausible, rate_of_steps, stack_frames, with_square_pixels
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
            times: list[float] = []
            frames = stack_frames(_upright_frames(container, times))
            rate, oddities = rate_of_steps(np.diff(times).round(2))
            stated = float(stream.average_rate or 0)
            even = abs(rate - stated) < RATE_TOLERANCE * stated
            fps, fps_source = first_plausible({"video header": stated * even, "frame times": rate, "average": stated})
            frames, stretched = with_square_pixels(frames, 1 / float(stream.sample_aspect_ratio or 1))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise InputError("is damaged, or no video that can be decoded") from error
    return Clip(frames, fps, fps_source, (*oddities, *stretched))


def _upright_frames(container: av.container.InputContainer, times_ms: list[float]) -> Iterator[np.ndarray]:
    """Grey frames, rotated as the header says; their times are added to `times_ms`.

    Packets are counted, not frames: an edit list may hide frames, but never the packets that hold them.
    """
    stream = container.streams.video[0]
    promised, found = stream.frames, 0
    for packet in container.demux(stream):
        found += packet.size > 0
        if packet.is_corrupt:
            raise InputError("is cut short or damaged")
        for frame in packet.decode():
            grey = cv2.cvtColor(frame.to_ndarray(format="rgb24"), cv2.COLOR_RGB2GRAY)
            times_ms.append(1000 * frame.time if frame.time is not None else 0.0)
            yield np.ascontiguousarray(np.rot90(grey, round(frame.rotation / 90) % 4))
    if found < promised:
        raise InputError(f"is cut short: its header promises {promised} frames, it holds {found}")
