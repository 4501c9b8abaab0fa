"""EchoNet-Dynamic from a checked folder to the store, and the three steps as a user runs them."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from echonet.data.avi import read_video, write_mjpg
from echonet.data.conversion import convert_dataset
from echonet.data.raw_dataset import check_dataset
from echonet.data.tracings import rasterise
from echonet_dataset import CASES, ED, ES, SHORT, beating, edit, ellipse, trace, without_tracings_of, write_dataset
from reprise.data.store import Store, open_store
from reprise.step.errors import InputError
from small_disk import small_disk

RunStep = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "raw")


def converted(root: Path, folder: Path) -> Store:
    checked = check_dataset(root)
    convert_dataset(root, checked.manifest, checked.cases, folder)
    return open_store(folder)


def test_the_store_holds_what_the_published_loader_sees(raw: Path, tmp_path: Path) -> None:
    odd = trace("0XB", ED, SHORT)[3:5]
    edit(raw / "VolumeTracings.csv", lambda text: without_tracings_of("0XC")(text) + "\n".join([*odd, ""]))
    shutil.copy(raw / "Videos" / "0XC.avi", raw / "Videos" / "0XE.avi")
    edit(raw / "FileList.csv", lambda text: text + "0XE,50,40,80,112,112,50,70,VAL\n")
    both = [*trace("0XE", ES, SHORT), *trace("0XE", ED, 2 * SHORT), ""]
    edit(raw / "VolumeTracings.csv", lambda text: text + "\n".join(both))
    store = converted(raw, tmp_path / "store")
    assert {name: (array.shape, str(array.dtype)) for name, array in store.arrays.items()} == {
        "frames": ((350, 112, 112, 3), "uint8"),
        "traced_frames": ((4, 2, 112, 112, 3), "uint8"),
        "traced_masks": ((4, 2, 112, 112), "uint8"),
        "tracings": ((4, 2, 21, 4), "float32"),
    }
    for row in store.cases.to_dict("records"):
        frames = read_video(raw / "Videos" / f"{row['case']}.avi").frames
        np.testing.assert_array_equal(store.arrays["frames"][row["offset"] : row["offset"] + row["frames"]], frames)
        if row["traced"] >= 0:
            np.testing.assert_array_equal(store.arrays["traced_frames"][row["traced"]], frames[[ED, ES]])
    expected = np.stack([ellipse(2 * SHORT), ellipse(SHORT)])
    np.testing.assert_allclose(store.arrays["tracings"][0], expected, atol=1e-4)
    masks = [rasterise(tracing, 112, 112) for tracing in expected]
    np.testing.assert_array_equal(store.arrays["traced_masks"][0], masks)
    assert list(store.cases["traced"]) == [0, 1, -1, 2, 3]
    assert np.isnan(store.arrays["tracings"][1]).all()


def write_grey(path: Path, frames: np.ndarray) -> None:
    """Motion-JPEG that decodes to three equal channels, which OpenCV's own writer makes and FFmpeg's does not."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_OPENCV_MJPEG, cv2.VideoWriter.fourcc(*"MJPG"), 50, (112, 112))
    for frame in frames:
        writer.write(frame)
    writer.release()


def test_one_channel_is_kept_only_if_all_videos_are_grey(raw: Path, tmp_path: Path) -> None:
    for seed, case in enumerate(CASES):
        write_grey(raw / "Videos" / f"{case}.avi", beating(seed))
    grey = converted(raw, tmp_path / "grey")
    assert grey.arrays["frames"].shape == (280, 112, 112, 1)
    assert grey.arrays["traced_frames"].shape == (4, 2, 112, 112, 1)
    write_mjpg(raw / "Videos" / "0XD.avi", beating(3), 50)  # the last one: the whole store is written anew
    colour = converted(raw, tmp_path / "colour")
    assert colour.arrays["frames"].shape == (280, 112, 112, 3)
    np.testing.assert_array_equal(colour.arrays["frames"][:210], np.repeat(grey.arrays["frames"][:210], 3, axis=-1))
    np.testing.assert_array_equal(colour.arrays["traced_frames"][3], colour.arrays["frames"][[210 + ED, 210 + ES]])


@pytest.mark.parametrize("file", ["VolumeTracings.csv", "Videos/0XD.avi"])
def test_a_file_changed_since_the_check_is_noticed(raw: Path, tmp_path: Path, file: str) -> None:
    checked = check_dataset(raw)
    with (raw / file).open("ab") as stream:
        stream.write(b"\n")
    with pytest.raises(InputError, match=rf"{file}: changed since the check"):
        convert_dataset(raw, checked.manifest, checked.cases, tmp_path / "store")
    (raw / file).unlink()
    with pytest.raises(InputError, match=rf"{file}: changed since the check .*No such file"):
        convert_dataset(raw, checked.manifest, checked.cases, tmp_path / "store")
    assert not list(tmp_path.glob("*store*"))


# The steps, as a user runs them


def check_step(run_step: RunStep, raw: Path, out: Path) -> subprocess.CompletedProcess[str]:
    names = ("manifest", "cases", "findings")
    options = [part for name in names for part in (f"--{name}", out / f"{name}.csv")]
    return run_step("echonet/check.py", "--raw", raw, *options)


def convert_step(
    run_step: RunStep, raw: Path, out: Path, store: Path, before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    options = ("--manifest", out / "manifest.csv", "--cases", out / "cases.csv", "--store", store)
    return run_step("echonet/convert.py", "--raw", raw, *options, before=before)


def audit_step(run_step: RunStep, out: Path, store: Path) -> subprocess.CompletedProcess[str]:
    return run_step(
        "echonet/audit.py", "--store", store, "--manifest", out / "manifest.csv", "--audit", out / "audit.json"
    )


def assert_refused(done: subprocess.CompletedProcess[str], lines: int = 1) -> None:
    errors = done.stderr[done.stderr.index("error: ") :].splitlines()
    assert (done.returncode, len(errors)) == (2, lines), done.stderr
    assert "Traceback" not in done.stderr


def test_steps_from_raw_folder_to_audited_store(raw: Path, tmp_path: Path, run_step: RunStep) -> None:
    out = tmp_path / "results"
    assert check_step(run_step, raw, out).returncode == 0
    assert (out / "findings.csv").read_text() == "severity,file,where,finding\n"
    assert convert_step(run_step, raw, out, out / "store").returncode == 0
    assert (out / "store" / "cases.csv").read_text() == (out / "cases.csv").read_text()
    assert audit_step(run_step, out, out / "store").returncode == 0
    assert json.loads((out / "audit.json").read_text())["keys"]["sha256"] == {"distinct": 4, "in_two_splits": 0}
    assert sorted(path.name for path in out.iterdir()) == [
        *("audit.json", "cases.csv", "findings.csv", "manifest.csv", "store"),
    ]


def test_check_step_refuses_in_one_message(raw: Path, tmp_path: Path, run_step: RunStep) -> None:
    edit(raw / "FileList.csv", lambda text: text.replace("0XA", "../x").replace("VAL", "DEV"))
    video = raw / "Videos" / "0XB.avi"
    video.write_bytes(video.read_bytes()[:-1])
    assert_refused(check_step(run_step, raw, tmp_path / "out"), lines=1 + 4)  # and 0XA's tracings have no video
    assert not (tmp_path / "out").exists()


def test_a_damaged_table_of_the_check_is_one_line(raw: Path, tmp_path: Path, run_step: RunStep) -> None:
    check_step(run_step, raw, tmp_path)
    (tmp_path / "cases.csv").write_text("case,patient\na,a\n")
    done = convert_step(run_step, raw, tmp_path, tmp_path / "store")
    assert_refused(done)
    assert "cases.csv: expected the columns case,patient,split" in done.stderr
    assert not (tmp_path / "store").exists()


def test_audit_step_finds_a_video_in_two_splits(raw: Path, tmp_path: Path, run_step: RunStep) -> None:
    shutil.copy(raw / "Videos" / "0XA.avi", raw / "Videos" / "0XD.avi")
    check_step(run_step, raw, tmp_path)
    converted(raw, tmp_path / "store")
    done = audit_step(run_step, tmp_path, tmp_path / "store")
    assert_refused(done, lines=2)
    assert "0XA (train), 0XD (test)" in done.stderr
    assert not (tmp_path / "audit.json").exists()


def test_a_full_disk_is_one_line_and_leaves_nothing(raw: Path, tmp_path: Path, run_step: RunStep) -> None:
    check_step(run_step, raw, tmp_path)
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk, 4 * 2**20) as inside:
        done = convert_step(run_step, raw, tmp_path, disk / "store", inside)
        left = subprocess.run([*inside, "ls", "-A", disk], capture_output=True, text=True, check=True)
    assert_refused(done)
    assert "the disk is full" in done.stderr
    assert left.stdout == ""
