"""Clips made to fill the memory are refused before the work; the others of their folder are converted."""

import io
import json
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from echo_files import speckle, write_dicom
from echonet.data import frames
from echonet.data.avi import write_mjpg
from echonet.data.clip_reader import read_clip
from reprise.data import dicom_file
from reprise.step.errors import InputError

MOST_MB = 2000
# Imports a folder in a process of its own, whose highest use of memory is then known.
IMPORT = """
import json, sys
from pathlib import Path
from echonet.data.standard_clips import import_clips
from reprise.data.findings import Findings
from reprise.data.own_files import name_own_files
findings = Findings()
clips = import_clips(name_own_files(Path(sys.argv[1]), keep_names=True), Path(sys.argv[2]), findings)
lines = Path("/proc/self/status").read_text().splitlines()
# Not getrusage: its peak counts the process, too, from which this one was forked.
peak_mb = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) >> 10
print(json.dumps([peak_mb, list(clips["case"]), {row[1]: row[3] for row in findings.rows if row[0] == "excluded"}]))
"""


def imported(source: Path, videos: Path) -> tuple[int, list[str], dict[str, str]]:
    """The most memory in MB that the import of a folder took, the clips, and why others were left out."""
    videos.mkdir()
    done = subprocess.run([sys.executable, "-c", IMPORT, source, videos], capture_output=True, text=True, check=True)
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def compressed(path: Path, syntax: str, stream: bytes, rows: int, columns: int, frames: int = 1) -> None:
    """Write a clip whose compressed frames are all the same stream, whatever size the header states."""
    data = pydicom.dcmread(write_dicom(path, np.zeros((1, 4, 4), np.uint8), "MONOCHROME2"))
    data.file_meta.TransferSyntaxUID, data.Rows, data.Columns, data.NumberOfFrames = syntax, rows, columns, frames
    data.PixelData = encapsulate([stream] * frames)
    data["PixelData"].is_undefined_length = True
    data.save_as(path)


def picture(side: int, kind: str) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (side, side)).save(stream, kind)
    return stream.getvalue()


def test_a_folder_of_hostile_files_takes_little_memory_and_stops_no_other(tmp_path: Path, real_data: Path) -> None:
    peak_mb, clips, left = imported(real_data / "cases" / "hostile", tmp_path / "videos")
    assert peak_mb < MOST_MB
    assert {"Roe_Richard_private_UL_of_5_bytes", "112x112_text", "frozen_banner_touches_sector"} < {*clips}
    assert {name: why for name, why in left.items() if "pth" not in name} == {
        "cinerate_inf": "is damaged, or holds values that no clip has",
        "rows_two_values": "is damaged, or holds values that no clip has",
        "deflated_90MB_of_zeros": "is no clip: its pixels are those of 87890 frames",
        "rle_65535x65535": "has frames of 65535 x 65535 pixels, which no scanner makes",
    }


def test_streams_and_headers_that_promise_too_much_are_refused_before_the_work(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    compressed(source / "jpeg_lies.dcm", JPEGBaseline8Bit, picture(9000, "JPEG"), 16, 16)
    compressed(source / "jpeg2000_lies.dcm", JPEG2000Lossless, picture(3000, "JPEG2000"), 16, 16)
    compressed(source / "rle_lies.dcm", RLELossless, bytes(2**24 + 2), 64, 64)
    compressed(source / "rle_many.dcm", RLELossless, bytes(64), 4000, 4000, 60)
    whole = write_dicom(source / "bomb.dcm", speckle(1), "MONOCHROME2").read_bytes()
    data = pydicom.dcmread(source / "bomb.dcm")
    data.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    data.save_as(source / "bomb.dcm")
    packed = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    meta = 144 + pydicom.filereader.read_file_meta_info(source / "bomb.dcm").FileMetaInformationGroupLength
    start = (source / "bomb.dcm").read_bytes()[:meta]
    (source / "bomb.dcm").write_bytes(start + b"".join(packed.compress(bytes(2**24)) for _ in range(40)))
    (source / "good.dcm").write_bytes(whole)
    write_mjpg(source / "large.avi", np.zeros((1, 6000, 4000, 3), np.uint8), 25)
    peak_mb, clips, left = imported(source, tmp_path / "videos")
    assert peak_mb < 1000 and clips == ["good"]
    assert left == {
        "jpeg_lies": "has frames of 16 x 16 pixels by its header, but of 9000 x 9000",
        "jpeg2000_lies": "has frames of 16 x 16 pixels by its header, but of 3000 x 3000",
        "rle_lies": "has frames of 16 MB in RLE, which may be of any size when decoded",
        "large": "is damaged, or no video that can be decoded",
        "rle_many": "takes more than 768 MB when decoded; cut it into shorter clips",
        "bomb": "inflates to more than 256 MB; cut it into shorter clips",
    }


def test_frames_that_fill_the_room_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_dicom(tmp_path / "a.dcm", speckle(3), "MONOCHROME2")
    monkeypatch.setattr(frames, "LARGEST_BYTES", 2 * speckle(1).nbytes)
    with pytest.raises(InputError, match="when decoded; cut it"):
        read_clip(path)
    monkeypatch.setattr(dicom_file, "LARGEST_FILE", 1000)
    with pytest.raises(InputError, match="is a file of more than 0 MB"):
        read_clip(path)
