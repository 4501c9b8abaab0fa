"""The check of EchoNet-Dynamic: whatever is wrong with a folder is refused, all of it in one message."""

import os
import re
import shutil
import struct
import time
from pathlib import Path

import cv2
import pytest

from echonet.data.avi import avi_header
from echonet.data.raw_dataset import check_dataset
from echonet_dataset import ES, FILE_LIST, SHORT, beating, edit, trace, write_dataset
from reprise.step.errors import InputError

ROW = "0XA,50,40,80,112,112,50,70,TRAIN"
LINE = trace("0XA", ES, SHORT)[0]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("sound") / "raw")


@pytest.fixture
def raw(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "raw"))


def problems(root: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        check_dataset(root)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("FileList.csv", "EF,", "EF2,", "FileList.csv row 1: expected one column each of EF; found FileName, EF2"),
        ("FileList.csv", ",EDV", ",esv", "FileList.csv row 1: expected one column each of ESV, EDV; found"),
        ("FileList.csv", ROW, ROW.replace("50", "NaN", 1), "row 2: EF must be a number from 0 to 100, found 'NaN'"),
        ("FileList.csv", ROW, ROW.replace("50", "", 1), "row 2: EF must be a number from 0 to 100, found ''"),
        ("FileList.csv", ROW, ROW.replace("50", "high", 1), "row 2: EF must be a number from 0 to 100, found 'high'"),
        ("FileList.csv", ROW, ROW.replace("50", "100.1", 1), "row 2: EF must be a number from 0 to 100, found '100.1'"),
        ("FileList.csv", ROW, ROW.replace("70", "70.5"), "row 2: NumberOfFrames must be a whole number"),
        ("FileList.csv", ROW, ROW.replace("80", "inf"), "row 2: EDV must be a number from 0 to 10000, found 'inf'"),
        ("FileList.csv", ROW, ROW[:-6], "row 2: Split must be TRAIN, VAL or TEST, found ''"),
        (
            "FileList.csv",
            ROW,
            ROW + ",1",
            "FileList.csv: not a readable CSV file (Expected 9 fields in line 2, saw 10)",
        ),
        ("FileList.csv", "TRAIN", "DEV", "FileList.csv row 2: Split must be TRAIN, VAL or TEST, found 'DEV'"),
        ("FileList.csv", "0XB", "0XA.AVI", "FileList.csv row 3: 0XA is already in row 2"),
        ("FileList.csv", "0XB", "../x", "row 3: FileName must be the name of a file in Videos/, found '../x'"),
        (
            "FileList.csv",
            "0XB",
            "/etc/x.avi",
            "row 3: FileName must be the name of a file in Videos/, found '/etc/x.avi'",
        ),
        ("FileList.csv", "0XB", "a\\x", "row 3: FileName must be the name of a file in Videos/, found 'a\\\\x'"),
        ("FileList.csv", "0XB", "x\0y", "row 3: FileName must be the name of a file in Videos/, found 'x\\x00y'"),
        ("FileList.csv", "0XB", "..", "row 3: FileName must be the name of a file in Videos/, found '..'"),
        ("FileList.csv", "0XB", "", "row 3: FileName must be the name of a file in Videos/, found ''"),
        ("FileList.csv", "0XB", "0XN", "row 3: expected the video Videos/0XN.avi, found no such file"),
        ("FileList.csv", "VAL", "TEST", "FileList.csv: expected traced videos in each split, found none in VAL"),
        (
            "VolumeTracings.csv",
            "X2",
            "Q",
            "VolumeTracings.csv row 1: expected one column each of X2; found FileName, X1",
        ),
        (
            "VolumeTracings.csv",
            LINE,
            LINE.replace("56.0000", "x", 1),
            "row 2: X1 must be a number from -10000 to 10000",
        ),
        ("VolumeTracings.csv", LINE, LINE.replace("56.0000", "", 1), "row 2: X1 must be a number from -10000 to 10000"),
        ("VolumeTracings.csv", LINE, LINE[:-2] + "1.5", "row 2: Frame must be a whole number from 0"),
        ("VolumeTracings.csv", LINE, LINE[:-2] + "-1", "row 2: Frame must be a whole number from 0"),
        ("VolumeTracings.csv", LINE, LINE[:-2] + "70", "row 2: traces frame 70 of 0XA, which has 70 frames"),
        (
            "VolumeTracings.csv",
            LINE,
            LINE.replace("56.0000", "-0.6", 1),
            "row 2: X1, Y1, X2, Y2 = -0.6, 30, 56, 90 is ",
        ),
        ("VolumeTracings.csv", LINE, LINE.replace("90.0000", "112.1"), "is outside the 112x112 frame of 0XA"),
        ("VolumeTracings.csv", "0XB", "0XN", "row 44: traces 0XN, which the file list does not name"),
        (
            "VolumeTracings.csv",
            "0XB",
            "../0XB",
            "row 44: FileName must be the name of a file in Videos/, found '../0XB.avi'",
        ),
    ],
)
def test_bad_tables_are_refused(raw: Path, file: str, old: str, new: str, expected: str) -> None:
    edit(raw / file, lambda text: text.replace(old, new, 84 if old == "0XB" else 1))
    assert any(expected in line for line in problems(raw)), problems(raw)


def test_all_problems_come_together(raw: Path) -> None:
    edit(raw / "FileList.csv", lambda text: text.replace("0XA,50", "0XA,NaN").replace("VAL", "DEV"))
    edit(raw / "VolumeTracings.csv", lambda text: text.replace(LINE, LINE.replace("90.0000", "500")))
    video = raw / "Videos" / "0XB.avi"
    video.write_bytes(video.read_bytes()[:30_000])
    lying = raw / "Videos" / "0XC.avi"
    data = lying.read_bytes()
    at = data.index(b"strh") + 40
    lying.write_bytes(data[:at] + struct.pack("<I", 99) + data[at + 4 :])
    (raw / "Videos" / "0XD.avi").unlink()
    assert [line.split(" (")[0] for line in problems(raw)] == [
        "FileList.csv row 4: Split must be TRAIN, VAL or TEST, found 'DEV'",
        "FileList.csv row 2: EF must be a number from 0 to 100, found 'NaN'",
        "FileList.csv row 5: expected the video Videos/0XD.avi, found no such file",
        "Videos/0XB.avi: truncated",
        "Videos/0XC.avi: its header promises 99 frames, 70 are in it",
        "VolumeTracings.csv row 2: X1, Y1, X2, Y2 = 56, 30, 56, 500 is outside the 112x112 frame of 0XA",
    ]


def test_a_long_list_of_problems_is_cut(raw: Path) -> None:
    rows = [f"{case},{ef},40,80,112,112,50,70,TRAIN" for case, ef in zip(range(80), ["x"] * 80, strict=True)]
    (raw / "FileList.csv").write_text("\n".join([FILE_LIST, *rows]))
    lines = problems(raw)
    assert len(lines) == 51
    assert lines[-1] == "... and 114 more"  # 80 EFs, 80 videos that are missing, 4 unknown tracings


def test_a_video_whose_pictures_are_damaged_is_refused_before_anything_is_made_of_it(raw: Path) -> None:
    data = (raw / "Videos/0XA.avi").read_bytes()
    at = data.index(b"\xff\xc0", len(data) // 2) + 9  # the number of colours of a picture, behind its size
    (raw / "Videos/0XA.avi").write_bytes(data[:at] + b"\xff" + data[at + 1 :])
    (line,) = problems(raw)
    assert re.fullmatch(r"Videos/0XA\.avi: its header promises 70 frames, \d+ could be decoded", line)


def test_ef_as_a_fraction_is_refused_once(raw: Path) -> None:
    edit(raw / "FileList.csv", lambda text: text.replace(",50,40,80,", ",0.5,40,80,"))
    assert problems(raw) == [
        "FileList.csv: EF must be in percent; found 0.5 to 0.5, which are fractions by the volumes ESV and EDV"
    ]
    edit(raw / "FileList.csv", lambda text: text.replace(",0.5,40,80,", ",0.5,99.5,100,"))  # a heart that fails
    assert check_dataset(raw).findings.empty


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00 not text", f"{FILE_LIST}\n".encode()])
def test_an_unusable_table_is_refused(raw: Path, content: bytes) -> None:
    (raw / "FileList.csv").write_bytes(content)
    assert [line for line in problems(raw) if line.startswith("FileList.csv")]


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected FileList.csv, VolumeTracings.csv and Videos/ in it, found nothing"):
        check_dataset(tmp_path)
    with pytest.raises(InputError, match="missing: no such folder"):
        check_dataset(tmp_path / "missing")
    (tmp_path / "Videos").write_text("")
    with pytest.raises(InputError, match="in it, found Videos"):
        check_dataset(tmp_path)


def test_odd_files_among_the_videos_are_refused(raw: Path, real_data: Path) -> None:
    shutil.copy(real_data / "formats" / "video" / "corrupted.mp4", raw / "Videos" / "0XA.avi")
    shutil.copy(raw / "Videos" / "0XC.avi", raw / "Videos" / "0XC.AVI")
    (raw / "Videos" / "0XB.avi").write_bytes(b"")
    assert problems(raw) == [
        "Videos/0XC.avi: the same name as 0XC.AVI",
        "Videos/0XA.avi: not an AVI file",
        "Videos/0XB.avi: not an AVI file",
    ]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("hostile/FileList_of_one_comma", "FileList.csv: expected a header and rows below it, found blank cells only"),
        (
            "hostile/FileList_99000_columns",
            "(expected at most 1000 columns, found 99001 or more)",
        ),
        (
            "14_tables/semicolon/FileList",
            "semicolons or tabs between its columns; save it with commas, and with points",
        ),
        ("14_tables/utf16/FileList", "text in UTF-16, or no text; save it as CSV in UTF-8"),
        ("14_tables/r05b_xlsx_named_csv/FileList", "a spreadsheet; save it as CSV"),
    ],
)
def test_tables_of_other_kinds_are_one_line_at_once(raw: Path, real_data: Path, table: str, expected: str) -> None:
    shutil.copyfile(real_data / f"cases/{table}.csv", raw / "FileList.csv")
    began = time.process_time()
    lines = [line for line in problems(raw) if line.startswith("FileList.csv")]
    assert time.process_time() - began < 5
    assert len(lines) == 1
    assert expected in lines[0]


def test_videos_whose_header_is_not_what_conversion_will_find_are_refused(raw: Path, real_data: Path) -> None:
    shutil.copyfile(real_data / "cases/hostile/avi_header_112_pictures_128.avi", raw / "Videos/0XA.avi")
    large = cv2.VideoWriter(str(raw / "Videos/0XB.avi"), cv2.VideoWriter.fourcc(*"MP4V"), 50, (128, 128))
    for frame in beating(1):
        large.write(cv2.resize(frame, (128, 128)))
    large.release()
    data = (raw / "Videos/0XB.avi").read_bytes().replace(struct.pack("<2i", 128, 128), struct.pack("<2i", 112, 112))
    (raw / "Videos/0XB.avi").write_bytes(data)
    assert avi_header(data, "0XB")[:3] == (70, 112, 112)
    (raw / "Videos/0XC.avi").unlink()
    os.mkfifo(raw / "Videos/0XC.avi")
    with (raw / "Videos/0XD.avi").open("r+b") as endless:
        endless.truncate(2**40)
    assert problems(raw) == [
        "Videos/0XA.avi: its header promises frames of 112x112, frame 0 is 128x128",
        "Videos/0XB.avi: its header promises frames of 112x112, they decode to 128x128",
        "Videos/0XC.avi: no readable video: not a regular file",
        "Videos/0XD.avi: expected at most 64 MB, found 1048576 MB",
    ]
