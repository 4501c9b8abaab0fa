"""A folder of echo clips becomes de-identified 112 x 112 AVIs, whatever else lies in it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from echo_files import UID_ROOT, burn, speckle, write_dicom
from echonet.data.avi import read_video, write_mjpg
from echonet.data.standard_clips import clip_name, import_folder
from reprise.data.anonymous_names import reveals_identity
from reprise.data.findings import Findings
from reprise.step.errors import InputError

STEP = "echonet/import_clips.py"

NAMES = [
    ("a4c_sonosite_30f", False),
    ("0X4F55DC7F6080587E", False),
    ("IM_000123", False),
    ("clip 12", False),
    ("ROE_RICHARD_a4c", True),
    ("richardroe", True),
    ("echo_1987-04-31", True),
    ("mrn20071231", True),
    ("1.2.840.113619.2.1", True),
]


@pytest.mark.parametrize(("name", "reveals"), NAMES)
def test_a_name_is_kept_only_if_it_reveals_nobody(name, reveals):
    assert reveals_identity(name, {"roe", "richard"}) == reveals
    assert clip_name(Path(f"{name}.dcm"), {"roe", "richard"}, [], "f" * 64).startswith("clip-ffffffffffff") == reveals


@pytest.mark.parametrize("name", ["NA", "null", "---", "Zürich", "a" * 65])
def test_a_name_that_makes_no_sound_file_or_table_is_replaced(name):
    assert clip_name(Path(f"{name}.mp4"), (), [], "f" * 64) == "clip-ffffffffffff"


def test_clips_of_one_name_are_told_apart():
    assert clip_name(Path("b/a4c.mp4"), (), ["a4c"], "0123456789abcdef") == "a4c-0123456789ab"


def test_nothing_of_a_header_or_a_path_comes_through(tmp_path, run_step):
    source = tmp_path / "in" / "Roe"
    source.mkdir(parents=True)
    frames = burn(speckle(), "ROE RICHARD", (4, 16))
    write_dicom(source / "RoeRichard.dcm", frames, "MONOCHROME2", FrameTime=20, PatientBirthDate="19440229")
    write_dicom(source / f"{UID_ROOT}77", speckle(seed=1), "MONOCHROME2", Modality="CT")
    out = tmp_path / "out"
    done = run_step(STEP, "--input", tmp_path / "in", "--output", out, "--findings", tmp_path / "f.csv")
    assert done.returncode == 0, done.stderr
    written = [path for path in out.rglob("*") if path.is_file()]
    texts = [
        done.stderr.encode(),
        done.stdout.encode(),
        (tmp_path / "f.csv").read_bytes(),
        *(path.read_bytes() for path in written),
    ]
    haystack = b"".join([*texts, *(path.name.encode() for path in written)]).lower()
    assert len(written) == 2
    assert not [word for word in (b"roe", b"richard", b"771", UID_ROOT.encode(), b"19440229") if word in haystack]


def test_the_six_real_clips(tmp_path, real_data):
    findings = Findings()
    clips = import_folder(real_data / "echo", tmp_path, findings).set_index("case")
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
        frames = read_video(tmp_path / f"{case}.avi").frames
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
    (tmp_path / "videos").mkdir()
    findings = Findings()
    clips = import_folder(source, tmp_path / "videos", findings)
    findings = findings.table().query("severity == 'excluded'").set_index("file").finding
    assert set(clips.case) == {"good", "image_dfl"}
    assert set(findings.index) == {path.name for path in source.iterdir()} - {"good.avi", "image_dfl.dcm", "notes.txt"}
    assert "cut short" in findings["cut.avi"]
    assert "cut short" in findings["short.dcm"]
    assert not findings.str.contains("1A|Lastname|Manufacturer", regex=True).any()


def test_the_same_file_twice_is_one_clip(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    for name in ("a.avi", "b.avi"):
        write_mjpg(tmp_path / "in" / name, np.repeat(speckle(4)[..., None], 3, -1), 25)
    findings = Findings()
    clips = import_folder(tmp_path / "in", tmp_path / "out", findings)
    assert list(clips.case) == ["a"]
    assert findings.rows == [("excluded", "b.avi", "", "is the same file as another one in the folder")]


@pytest.mark.parametrize("content", [None, {}, {"notes.txt": b"x", "bad.avi": b"RIFF"}])
def test_a_folder_without_a_readable_clip_is_one_message_and_leaves_nothing(tmp_path, content):
    if content is not None:
        (tmp_path / "in").mkdir()
    for name, data in (content or {}).items():
        (tmp_path / "in" / name).write_bytes(data)
    with pytest.raises(InputError, match=r"no such folder|no file in it|no clip in it can be read") as caught:
        import_folder(tmp_path / "in", tmp_path, Findings())
    assert all(name in str(caught.value) for name in content or {})
    assert not list(tmp_path.glob("*.avi"))


def test_the_step_writes_clips_and_findings(tmp_path, run_step):
    (tmp_path / "in").mkdir()
    write_mjpg(tmp_path / "in" / "a.avi", np.repeat(speckle(4)[..., None], 3, -1), 25)
    folders = ("--input", tmp_path / "in", "--output", tmp_path / "out", "--findings", tmp_path / "findings.csv")
    done = run_step(STEP, *folders)
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(tmp_path / "out" / "clips.csv").case.tolist() == ["a"]
    assert read_video(tmp_path / "out" / "Videos" / "a.avi").frames.shape == (4, 112, 112, 3)
    assert list(pd.read_csv(tmp_path / "findings.csv").columns) == ["severity", "file", "where", "finding"]
