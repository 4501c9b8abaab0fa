"""The check of EchoNet-Dynamic: quirks are kept and noted, clear meanings accepted, the unusable left out."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from echonet.data.avi import write_mjpg
from echonet.data.raw_dataset import check_dataset
from echonet_dataset import (
    CASES,
    ED,
    ES,
    FRAMES,
    SHORT,
    beating,
    edit,
    trace,
    without_tracings_of,
    write_dataset,
)
from reprise.data.findings import Checked
from reprise.step.errors import InputError


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("sound") / "raw")


@pytest.fixture
def raw(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "raw"))


def findings(checked: Checked) -> list[tuple[str, ...]]:
    return list(checked.findings.itertuples(index=False, name=None))


def test_a_sound_folder_has_no_findings(sound: Path) -> None:
    checked = check_dataset(sound)
    assert findings(checked) == []
    assert list(checked.cases["case"]) == list(CASES)
    assert list(checked.cases["split"]) == ["train", "train", "val", "test"]
    assert list(checked.cases["offset"]) == [0, 70, 140, 210]
    assert list(checked.cases["traced"]) == [0, 1, 2, 3]
    assert set(zip(checked.cases["ed_frame"], checked.cases["es_frame"], strict=True)) == {(ED, ES)}
    assert checked.cases[["tracing_ok", "order_ok"]].to_numpy().all()
    assert list(checked.manifest["path"]) == ["FileList.csv", "VolumeTracings.csv", *(f"Videos/{c}.avi" for c in CASES)]
    assert checked.manifest["frames"].isna().tolist() == [True, True, False, False, False, False]


def test_clear_meanings_are_accepted_and_noted(raw: Path, sound: Path) -> None:
    lines = (
        (raw / "FileList.csv").read_text().lower().replace("0xa", "0XA.AVI").replace("0xb", " 0XB.avi ").splitlines()
    )
    lines = [line.replace("0xc", "0XC").replace("0xd", "0XD") for line in lines]
    numbered = [f"{'' if row == 0 else row},{line}" for row, line in enumerate(lines)]
    (raw / "FileList.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(["\r\n".join(numbered), "", ""]).encode())
    edit(raw / "VolumeTracings.csv", lambda text: text.replace(".avi", "").replace("FileName", " filename "))
    (raw / "Videos" / "0XD.avi").rename(raw / "Videos" / "0XD.AVI")
    (raw / "FileList.csv").rename(raw / "filelist.CSV")
    checked = check_dataset(raw)
    pd.testing.assert_frame_equal(checked.cases, check_dataset(sound).cases)
    assert findings(checked) == [
        ("note", "filelist.CSV", "row 1", "a leading index column without a name; ignored"),
        ("note", "filelist.CSV", "", "4 splits are not in upper case; taken as if they were"),
        ("note", "filelist.CSV", "", "2 names end in .avi; taken without it"),
        ("note", "VolumeTracings.csv", "", "168 rows name a video without .avi; taken as if with it"),
    ]


def test_untraced_videos_are_stored_but_belong_to_no_study(raw: Path) -> None:
    edit(raw / "VolumeTracings.csv", without_tracings_of("0XA"))
    checked = check_dataset(raw)
    assert findings(checked) == [("excluded", "Videos/0XA.avi", "", "0 traced frames, 2 expected")]
    assert list(checked.cases["traced"]) == [-1, 0, 1, 2]
    assert checked.cases.loc[0, ["ed_frame", "es_frame"]].tolist() == [-1, -1]


def test_a_single_traced_frame_counts_as_none(raw: Path) -> None:
    one = "\n".join([*trace("0XA", ED, SHORT), ""])
    edit(raw / "VolumeTracings.csv", lambda text: without_tracings_of("0XA")(text) + one)
    assert ("excluded", "Videos/0XA.avi", "", "1 traced frames, 2 expected") in findings(check_dataset(raw))


def test_an_untraced_video_of_another_size_is_left_out(raw: Path) -> None:
    write_mjpg(raw / "Videos" / "0XA.avi", np.zeros((FRAMES, 96, 128, 3), np.uint8), 50)
    with pytest.raises(InputError, match=r"Videos/0XA.avi: expected frames of 112x112, as it is traced, found 96x128"):
        check_dataset(raw)
    edit(raw / "VolumeTracings.csv", without_tracings_of("0XA"))
    checked = check_dataset(raw)
    assert list(checked.cases["case"]) == ["0XB", "0XC", "0XD"]
    assert findings(checked) == [
        ("note", "FileList.csv", "row 2 (0XA)", "says frames of 112x112, the video's are 96x128; the video holds"),
        ("excluded", "Videos/0XA.avi", "", "0 traced frames, 2 expected, frames of 96x128; not stored"),
    ]


def test_malformed_tracings_are_kept_and_marked(raw: Path) -> None:
    extra = trace("0XB", ED, SHORT)[3:5]
    edit(raw / "VolumeTracings.csv", lambda text: text + "\n".join([*extra, ""]))
    checked = check_dataset(raw)
    assert list(checked.cases["tracing_ok"]) == [True, False, True, True]
    expected = ("note", "VolumeTracings.csv", f"0XB frame {ED}", "23 rows, 21 expected; kept, its mask may be odd")
    assert findings(checked) == [expected]


def test_file_order_decides_which_frame_is_end_diastole(raw: Path) -> None:
    swapped = "\n".join([*trace("0XA", ED, 2 * SHORT), *trace("0XA", 9, SHORT), *trace("0XA", ES, SHORT), ""])
    edit(raw / "VolumeTracings.csv", lambda text: without_tracings_of("0XA")(text) + swapped)
    checked = check_dataset(raw)
    first = checked.cases.loc[0]
    assert (first["ed_frame"], first["es_frame"], first["order_ok"]) == (ES, ED, False)
    assert findings(checked) == [
        ("note", "VolumeTracings.csv", "0XA", "3 traced frames; the first and the last in the file are used"),
        ("note", "VolumeTracings.csv", "0XA", f"the area at ED (frame {ES}) is smaller than at ES (frame {ED})"),
    ]


def test_disagreements_and_short_videos_are_noted(raw: Path) -> None:
    edit(raw / "FileList.csv", lambda text: text.replace("0XA,50,40,80,112,112,50,70", "0XA,49.8,40,80,112,112,30,71"))
    write_mjpg(raw / "Videos" / "0XC.avi", beating(2, 63), 50)
    write_mjpg(raw / "Videos" / "stray.avi", beating(0, 2), 50)
    checked = check_dataset(raw)
    assert checked.cases.loc[0, ["frames", "fps", "ef"]].tolist() == [70, 30, 49.8]
    assert findings(checked) == [
        ("excluded", "Videos/stray.avi", "", "FileList.csv does not name it"),
        ("note", "FileList.csv", "row 2 (0XA)", "says 71 frames, the video has 70; the video holds"),
        ("note", "FileList.csv", "row 2 (0XA)", "says 30 frames per second, the video 50; the list holds"),
        ("note", "FileList.csv", "row 2 (0XA)", "EF is 49.8, its volumes give 50.00; the EF holds"),
        ("note", "FileList.csv", "row 4 (0XC)", "says 70 frames, the video has 63; the video holds"),
        ("note", "Videos/0XC.avi", "", "63 frames, fewer than the 64 of a clip; padded with zeros"),
    ]
