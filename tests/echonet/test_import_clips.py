"""A folder of echo clips becomes de-identified 112 x 112 AVIs, whatever else lies in it."""

import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from echo_files import speckle, write_dicom
from echonet.data import standard_clips
from echonet.data.avi import read_video, write_mjpg
from echonet.data.clip_reader import read_clip
from echonet.data.standard_clips import import_clips
from reprise.data.findings import Findings
from reprise.data.own_files import name_own_files
from reprise.step.files import file_sha256


def imported(source: Path, videos: Path, findings: Findings) -> pd.DataFrame:
    """Import the clips of a folder, under the names of their files."""
    videos.mkdir(exist_ok=True)
    return import_clips(name_own_files(source, keep_names=True), videos, findings)


def test_the_six_real_clips(tmp_path, real_data):
    findings = Findings()
    clips = imported(real_data / "echo", tmp_path / "videos", findings).set_index("case")
    expected = {
        "US-PAL-8-10x-echo": (10, "motion"),
        "US-RGB-8-epicard": (1, "brightness"),
        "US-RGB-8-esopecho": (1, "brightness"),
        "a4c_echotracker_input": (45, "motion"),
        "a4c_sonosite_30f_ybr_color": (30, "motion"),
        "apical_echotracker_input1": (68, "motion"),
    }
    assert {case: (row["frames"], row["sector"]) for case, row in clips.iterrows()} == expected
    assert clips.fps.round(1).tolist() == [13.2, 30, 30, 20, 30, 25]
    for case in expected:
        frames = read_video(tmp_path / "videos" / f"{case}.avi").frames
        assert frames.shape == (expected[case][0], 112, 112, 3)
        assert frames[:, :6, :6].max() < 12  # a corner: black but for what compression leaves there
        assert frames[:, 30:80, 30:80].mean() > 10
    assert [finding for finding in findings.rows if finding[0] == "excluded"] == []


def test_damaged_files_are_named_and_stop_no_other(tmp_path, real_data):
    source, formats = tmp_path / "in", real_data / "formats"
    source.mkdir()
    write_mjpg(source / "good.avi", np.repeat(speckle(4)[..., None], 3, -1), 25)
    (source / "cut.avi").write_bytes((source / "good.avi").read_bytes()[:-3000])
    (source / "empty.mp4").touch()
    (source / "notes.txt").write_text("not a clip")
    for path in (*formats.glob("dicom/*.dcm"), *formats.glob("video/corrupted.mp4")):
        (source / path.name).write_bytes(path.read_bytes())
    short = write_dicom(source / "short.dcm", speckle(3), "MONOCHROME2")
    short.write_bytes(short.read_bytes()[:-100])
    frames_lie = write_dicom(source / "lie.dcm", speckle(3), "MONOCHROME2")
    frames_lie.write_bytes(frames_lie.read_bytes().replace(b"IS\x02\x003 ", b"IS\x02\x001A"))
    findings = Findings()
    clips = imported(source, tmp_path / "videos", findings)
    findings = findings.table().query("severity == 'excluded'").set_index("file").finding
    assert set(clips.case) == {"good", "image_dfl"}
    damaged = {"corrupted", "emri_small_jpeg_2k_lossless_too_short", "no_meta", "cut", "empty", "short", "lie"}
    assert set(findings.index) == damaged
    assert "cut short" in findings["cut"]
    assert "cut short" in findings["short"]
    assert not findings.str.contains("1A|Lastname|Manufacturer", regex=True).any()


def test_the_same_file_twice_is_one_clip(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.avi", "b.avi"):
        write_mjpg(tmp_path / "in" / name, np.repeat(speckle(4)[..., None], 3, -1), 25)
    findings = Findings()
    clips = imported(tmp_path / "in", tmp_path / "out", findings)
    assert list(clips.case) == ["a"]
    assert findings.rows == [("excluded", "b", "", "has the same content as another file in the folder")]


def run_import(run_step, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run both steps as a user would."""
    done = run_step("own_files/name_files.py", "--input", folder / "in", "--key", folder / "key.csv")
    if done.returncode:
        return done
    words = ("--key", folder / "key.csv", "--output", folder / "out", "--findings", folder / "findings.csv", *more)
    return run_step("echonet/import_clips.py", *words)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "expected a folder"),
        ({}, "no file in this folder"),
        ({"notes.txt": b"x", "bad.avi": b"RIFF"}, "no clip in the folder can be read; key.csv leads to the files:"),
    ],
)
def test_a_folder_without_a_readable_clip_is_one_message_and_leaves_nothing(tmp_path, run_step, content, problem):
    if content is not None:
        (tmp_path / "in").mkdir()
    for name, data in (content or {}).items():
        (tmp_path / "in" / name).write_bytes(data)
    done = run_import(run_step, tmp_path)
    assert done.returncode == 2 and problem in done.stderr and "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"in", "key.csv"}


def test_where_other_kinds_of_files_are_no_clip_is_needed(tmp_path, run_step):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.avi").write_bytes(b"RIFF")
    done = run_import(run_step, tmp_path, "--alone", "no")
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(tmp_path / "out" / "clips.csv").empty and len(pd.read_csv(tmp_path / "findings.csv")) == 1


def test_the_step_writes_clips_and_findings(tmp_path, run_step):
    (tmp_path / "in").mkdir()
    write_mjpg(tmp_path / "in" / "a.avi", np.repeat(speckle(4)[..., None], 3, -1), 25)
    done = run_import(run_step, tmp_path)
    assert done.returncode == 0, done.stderr
    (case,) = pd.read_csv(tmp_path / "out" / "clips.csv").case
    assert case == f"case-{file_sha256(tmp_path / 'in' / 'a.avi')[:12]}"
    assert read_video(tmp_path / "out" / "Videos" / f"{case}.avi").frames.shape == (4, 112, 112, 3)
    assert list(pd.read_csv(tmp_path / "findings.csv").columns) == ["severity", "file", "where", "finding"]


def test_a_decoder_that_fails_is_a_finding_and_its_message_is_not_repeated(tmp_path, monkeypatch, capfd):
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        write_mjpg(tmp_path / "in" / f"{name}.avi", np.repeat(speckle(4, seed=ord(name))[..., None], 3, -1), 25)

    def fails_once(path: Path) -> object:
        if path.stem == "a":
            raise OverflowError("Roe^Richard")
        return read_clip(path)

    monkeypatch.setattr(standard_clips, "read_clip", fails_once)
    findings = Findings()
    assert list(imported(tmp_path / "in", tmp_path / "videos", findings).case) == ["b"]
    assert findings.rows == [("excluded", "a", "", "is damaged: its decoder failed")]
    printed = capfd.readouterr().err
    assert "OverflowError" in printed and "in fails_once" in printed and "a: Over" in printed
    assert "Roe^Richard" not in printed.replace('OverflowError("Roe^Richard")', "")


def test_scans_as_dicom_are_one_finding_that_names_the_converter(real_data, tmp_path):
    findings = Findings()
    assert imported(real_data / "cases" / "02_dicom_beside_nifti", tmp_path / "videos", findings).empty
    (scans,) = [finding for _, file, _, finding in findings.rows if file == "2 files"]
    assert "DICOM of MR" in scans and "dcm2niix" in scans
