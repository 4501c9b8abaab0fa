"""Reads one echo clip of any format: multi-frame DICOM, AVI, MP4, MOV or another video."""

from pathlib import Path

from echonet.data.clip_video import read_video_clip
from echonet.data.dicom import read_dicom_clip
from echonet.data.frames import Clip, NoClipError
from reprise.step.errors import InputError

VIDEO_SUFFIXES = {".avi", ".mp4", ".mov", ".m4v", ".mkv", ".webm", ".wmv", ".mpg", ".mpeg"}
DICOM_SUFFIXES = {".dcm", ".dicom", ".ima"}
LOW_GROUPS = {b"\x02\0", b"\x08\0", b"\0\x02", b"\0\x08"}  # a DICOM file without a preamble begins with one of these


def clip_format(path: Path) -> str | None:
    """The kind of a file, `dicom` or `video`, by its first bytes, then by its suffix; None if it is neither."""
    try:
        with path.open("rb") as stream:
            start = stream.read(132)
    except OSError:
        return None
    suffix = path.suffix.lower()
    if start[128:] == b"DICM" or suffix in DICOM_SUFFIXES or (suffix == "" and start[:2] in LOW_GROUPS):
        return "dicom"
    return "video" if suffix in VIDEO_SUFFIXES else None


def read_clip(path: Path) -> Clip:
    """Decode a clip.

    Raises:
        NoClipError: it is something else than a clip.
        InputError: it cannot be read. The message says why. It contains neither the file's name, which may identify
            a person, nor anything from the file.
    """
    kind = clip_format(path)
    if kind is None:
        raise NoClipError("neither DICOM nor a video, by the first bytes and the suffix")
    try:
        return read_dicom_clip(path) if kind == "dicom" else read_video_clip(path)
    except InputError:
        raise
    except Exception as error:  # pydicom converts values late, so that any use of one may raise anything
        raise InputError("is damaged, or holds values that no clip has") from error
