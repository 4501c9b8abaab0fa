"""Video files: what is written comes back, and damage is named instead of decoded."""

import struct
import threading
from collections.abc import Callable
from contextlib import chdir
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echonet.data.avi import avi_header, read_video, write_mjpg
from echonet.data.clip_video import read_video_clip
from echonet_dataset import beating
from reprise.step.errors import InputError


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    write_mjpg(path, beating(0), 37)
    return path


def with_declared_frames(data: bytes, frames: int) -> bytes:
    at = data.index(b"strh") + 8 + 32
    return data[:at] + struct.pack("<I", frames) + data[at + 4 :]


def test_frames_come_back_in_order_and_nearly_unchanged(clip: Path) -> None:
    video = read_video(clip)
    assert video.frames.dtype == np.uint8
    assert video.fps == 37
    assert np.abs(video.frames.astype(int) - beating(0)).max() < 12  # JPEG
    assert avi_header(clip.read_bytes(), clip) == (70, 112, 112, 37)


def test_channels_are_red_green_blue(tmp_path: Path) -> None:
    red = np.zeros((3, 16, 16, 3), np.uint8)
    red[..., 0] = 255
    write_mjpg(tmp_path / "red.avi", red, 25)
    assert read_video(tmp_path / "red.avi").frames[1, 8, 8] == pytest.approx((255, 0, 0), abs=6)


@given(cut=st.integers(0, 10**6))
def test_every_truncation_is_noticed(clip: Path, cut: int) -> None:
    data = clip.read_bytes()
    with pytest.raises(InputError, match=r"clip: (truncated|not an AVI)"):
        avi_header(data[: cut % len(data)], "clip")


@given(at=st.integers(0, 6000), junk=st.binary(min_size=1, max_size=12))
def test_damaged_headers_never_crash(clip: Path, at: int, junk: bytes) -> None:
    data = bytearray(clip.read_bytes())
    data[at : at + len(junk)] = junk
    try:
        avi_header(bytes(data), "clip")
    except InputError as error:
        assert str(error).startswith("clip: ")


@pytest.mark.parametrize("declared", [69, 71, 1000])
def test_a_false_frame_count_is_noticed_with_and_without_decoding(clip: Path, tmp_path: Path, declared: int) -> None:
    lying = tmp_path / "lying.avi"
    lying.write_bytes(with_declared_frames(clip.read_bytes(), declared))
    with pytest.raises(InputError, match=rf"lying.avi: its header promises {declared} frames, 70 are in it"):
        avi_header(lying.read_bytes(), lying)
    with pytest.raises(InputError, match=rf"lying.avi: its header promises {declared} frames, 70 could be decoded"):
        read_video(lying)


def test_a_video_without_frames_is_refused(clip: Path, tmp_path: Path) -> None:
    data = clip.read_bytes()
    movie = data.index(b"movi")
    empty = data[: movie - 4] + struct.pack("<I", 4) + b"movi"
    empty = with_declared_frames(empty[:4] + struct.pack("<I", len(empty) - 8) + empty[8:], 0)
    with pytest.raises(InputError, match="no frame in it"):
        avi_header(empty, "empty.avi")
    (tmp_path / "empty.avi").write_bytes(empty)
    with pytest.raises(InputError, match=r"empty.avi: "):
        read_video(tmp_path / "empty.avi")


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no video at all" * 99])
def test_what_is_no_video_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str], content: bytes) -> None:
    path = tmp_path / "text.avi"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"text.avi: not an AVI"):
        avi_header(content, path)
    with pytest.raises(InputError, match=r"text.avi: not a video"):
        read_video(path)
    assert capfd.readouterr().err == ""


def test_files_are_closed_after_success_and_failure(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "half.avi").write_bytes(clip.read_bytes()[:50_000])
    opened = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        read_video(clip)
        with pytest.raises(InputError, match=r"promises 70 frames"):
            read_video(tmp_path / "half.avi")
    assert len(list(Path("/proc/self/fd").iterdir())) == opened


def test_a_video_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="could not be written"):
        write_mjpg(tmp_path / "missing" / "clip.avi", beating(0, 2), 50)
    with pytest.raises(InputError, match=r"could not be written as 2 frames of 15x15"):
        write_mjpg(tmp_path / "odd.avi", np.zeros((2, 15, 15, 3), np.uint8), 50)


def test_real_files(real_data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = {
        path.name: avi_header(path.read_bytes(), path) for path in real_data.glob("formats/derived_mjpeg_avi/*.avi")
    }
    assert {name: header.frames for name, header in found.items()} == {
        "a4c_input_112.avi": 45,
        "a4c_sonosite_112.avi": 30,
        "apical_input1_112.avi": 68,
    }
    for path in real_data.glob("formats/derived_mjpeg_avi/*.avi"):
        assert len(read_video(path).frames) == found[path.name].frames
    assert read_video(real_data / "formats/video/video_90.mov").frames.shape == (3, 568, 320, 3)
    with pytest.raises(InputError, match=r"corrupted.mp4: its header promises 50 frames, 28"):
        read_video(real_data / "formats/video/corrupted.mp4")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("read", [read_video, read_video_clip])
def test_a_playlist_named_as_a_video_sends_no_request(tmp_path: Path, clip: Path, read: Callable[[Path], Any]) -> None:
    """A folder `http:` sends none either: its relative path is no URL."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, chdir(tmp_path):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://{address}/x.ts\n#EXT-X-ENDLIST\n"
        Path("list.avi").write_text(playlist)
        with pytest.raises(InputError):
            read(Path("list.avi"))
        Path("local.avi").write_text(playlist.replace(f"http://{address}/x.ts", str(clip)))
        with pytest.raises(InputError):
            read(Path("local.avi"))
        inside = Path(f"http:/{address}/clip.avi")
        inside.parent.mkdir(parents=True)
        write_mjpg(inside, beating(0, 3), 25)
        assert len(read(inside).frames) == 3
        server.shutdown()
    assert asked == []


def test_names_that_are_addresses_or_options_to_a_tool_are_names(tmp_path: Path) -> None:
    with chdir(tmp_path):
        for name in ("echo:2024.avi", "pipe:1.avi", "-y.avi", "concat:a|b.avi", "%03d.avi"):
            write_mjpg(name, beating(0, 3), 25)
            assert len(read_video(name).frames) == 3
            assert len(read_video_clip(Path(name)).frames) == 3
