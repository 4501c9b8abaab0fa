"""Video files as arrays: read what OpenCV decodes, write MJPG in AVI, and examine an AVI without decoding it."""

import os
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from reprise.data.coded_size import jpeg_size
from reprise.step.errors import InputError

# FFmpeg's names of the containers that are read, and of the streams that a DICOM file may hold.
FORMATS = "avi,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,asf,mpeg,mpegts,mpegvideo,h264,hevc"
LARGEST_BYTES = 2**30  # of a decoded video
HEADER_BYTES = 2**12  # of an AVI file, in which its codec is named
MOST_CHUNKS = 2**18  # of an AVI file

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg's lines name no file; the errors raised here do
# A file may be a playlist under another name. FFmpeg would follow it to other files, or send requests.
os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = f"protocol_whitelist;file|format_whitelist;{FORMATS}"
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)


class Header(NamedTuple):
    """What a video file says about itself: number of frames, size in pixels, frames per second."""

    frames: int
    height: int
    width: int
    fps: float


class Video(NamedTuple):
    """A decoded video: frames (F, H, W, 3) uint8 RGB, and frames per second."""

    frames: np.ndarray
    fps: float


def read_video(path: str | Path) -> Video:
    """Decode a whole video file (AVI, MP4, MOV) to memory, all frames in their order.

    Raises:
        InputError: no such file, not a video, no frame in it, not as many frames as its header promises, or more than
            the memory should hold.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    # One thread per file: the files are small, and callers decode several of them at the same time.
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    try:
        if not capture.isOpened():
            raise InputError(f"{path}: not a video file that can be read")
        promised, fps = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), capture.get(cv2.CAP_PROP_FPS)
        frames = list(_decoded(capture, path))
    finally:
        capture.release()
    if not frames:
        raise InputError(f"{path}: no frame in it can be decoded")
    if len(frames) != promised:
        raise InputError(f"{path}: its header promises {promised} frames, {len(frames)} could be decoded")
    return Video(np.stack(frames), fps)


def write_mjpg(path: str | Path, frames: np.ndarray, fps: float) -> None:
    """Write frames (F, H, W, 3) uint8 RGB as Motion-JPEG to a file whose name ends in `.avi`.

    Raises:
        InputError: the file could not be written whole, as on a full disk.
    """
    count, height, width, _ = frames.shape
    file = str(Path(path).absolute())  # a relative name such as http:/a.avi would be a URL to FFmpeg
    writer = cv2.VideoWriter(file, cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), fps, (width, height))
    try:
        for frame in frames:
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    finally:
        writer.release()
    # OpenCV reports neither a full disk nor an odd size that it crops.
    try:
        found = avi_header(Path(path).read_bytes(), "it is")[:3]
    except (InputError, FileNotFoundError) as error:
        raise InputError(f"{path}: could not be written whole; is the disk full? ({error})") from error
    if found != (count, height, width):
        raise InputError(f"{path}: could not be written as {count} frames of {height}x{width}, found {found}")


def avi_header(data: bytes, name: str | Path) -> Header:
    """The header of an AVI file, compared with the frames that are really in the file; nothing is decoded.

    `data` are the file's bytes; `frames` is the length of the video stream. Source: Microsoft, "AVI RIFF File
    Reference".

    Raises:
        InputError: not an AVI file, truncated, without a video stream or frames, with a false frame count, or with
            pictures of another size.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"AVI ":
        raise InputError(f"{name}: not an AVI file")
    chunks = list(islice(_chunks(data), MOST_CHUNKS))
    if len(chunks) == MOST_CHUNKS:
        raise InputError(f"{name}: expected fewer than {MOST_CHUNKS} parts in it")
    ends = max(start + size for _, start, size in chunks)
    if ends > len(data):
        raise InputError(f"{name}: truncated (expected {ends} bytes, found {len(data)})")
    try:
        number, header = _video_stream(data, chunks)
    except (struct.error, ValueError, IndexError) as error:
        raise InputError(f"{name}: no readable video stream in it") from error
    kinds = (b"%02ddc" % number, b"%02ddb" % number)
    pictures = [start for kind, start, size in chunks if kind in kinds and size > 0]
    if not pictures:
        raise InputError(f"{name}: no frame in it")
    if len(pictures) != header.frames:
        empty = sum(kind in kinds and size == 0 for kind, _, size in chunks)
        dropped = f" and {empty} are empty, dropped while recording" if empty else ""
        raise InputError(f"{name}: its header promises {header.frames} frames, {len(pictures)} are in it{dropped}")
    if b"MJPG" in data[:HEADER_BYTES].upper():
        _refuse_other_sizes(data, pictures, header, name)
    return header


def _refuse_other_sizes(data: bytes, pictures: list[int], header: Header, name: str | Path) -> None:
    """Raise InputError unless each picture has the size that the header states."""
    for number, start in enumerate(pictures):
        found = jpeg_size(data, start)
        if found != (header.height, header.width):
            shown = f"{found[0]}x{found[1]}" if found else "no JPEG"
            raise InputError(
                f"{name}: its header promises frames of {header.height}x{header.width}, frame {number} is {shown}"
            )


def _decoded(capture: cv2.VideoCapture, path: Path) -> Iterator[np.ndarray]:
    decoded = 0
    while True:
        more, frame = capture.read()
        if not more:
            return
        decoded += frame.nbytes
        if decoded > LARGEST_BYTES:
            raise InputError(f"{path}: takes more than {LARGEST_BYTES >> 30} GiB when decoded")
        yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each RIFF chunk as (kind, start of its content, its size); chunks inside lists are listed, too."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        yield kind, at + 8, size
        at += 12 if kind in (b"RIFF", b"LIST") else 8 + size + size % 2


def _video_stream(data: bytes, chunks: list[tuple[bytes, int, int]]) -> tuple[int, Header]:
    """Number and header of the first video stream; ValueError, IndexError or struct.error if there is none."""
    streams = [(at, start) for at, (kind, start, _) in enumerate(chunks) if kind == b"strh"]
    number = [data[start : start + 4] for _, start in streams].index(b"vids")
    at, start = streams[number]
    scale, rate, _, length = struct.unpack_from("<4I", data, start + 20)
    width, height = struct.unpack_from("<2i", data, chunks[at + 1][1] + 4)
    return number, Header(length, abs(height), width, rate / max(scale, 1))
