"""The EchoNet phantom: its files are as released, its truth is true, and it comes out the same every time."""

import csv
import json
import math
from collections import Counter
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import polygon

from echonet.phantom import left_ventricle
from echonet.phantom.phantom_dataset import FAULTS, plan_cases, write_phantom
from reprise.step.errors import InputError

SPLIT = [0.7, 0.1, 0.2]
VIDEOS = 24


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "raw"
    write_phantom(folder, VIDEOS, SPLIT, seed=5, processes=2)
    return folder


@pytest.fixture(scope="module")
def cases(phantom: Path) -> dict[str, dict[str, str]]:
    with (phantom / "FileList.csv").open(newline="") as stream:
        return {row["FileName"]: row for row in csv.DictReader(stream)}


@pytest.fixture(scope="module")
def tracings(phantom: Path) -> dict[str, list[tuple[int, np.ndarray]]]:
    """Case -> frame and its rows (n, 4), in the order of the file."""
    with (phantom / "VolumeTracings.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    found: dict[str, list[tuple[int, np.ndarray]]] = {}
    for (name, frame), group in groupby(rows, key=lambda row: (row["FileName"], int(row["Frame"]))):
        assert name.endswith(".avi")
        points = np.array([[float(row[axis]) for axis in ("X1", "Y1", "X2", "Y2")] for row in group])
        found.setdefault(name.removesuffix(".avi"), []).append((frame, points))
    return found


def decoded(path: Path) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return frames


def outline(points: np.ndarray) -> np.ndarray:
    """(40, 2): down the first wall and up the second, without the long axis."""
    return np.vstack([points[1:, :2], points[:0:-1, 2:]])


def area(points: np.ndarray) -> float:
    return cv2.contourArea(outline(points).astype(np.float32))


def disc_volume(points: np.ndarray) -> float:
    """Method of discs, written as a loop over the discs."""
    x1, y1, x2, y2 = points[0]
    height = math.dist((x1, y1), (x2, y2)) / 20
    return sum(math.pi * (math.dist(chord[:2], chord[2:]) / 2) ** 2 * height for chord in points[1:].tolist())


def test_the_lists_have_the_released_headers_and_values(phantom: Path, cases: dict[str, dict[str, str]]) -> None:
    file_list, tracing_list = (
        (phantom / name).read_text().splitlines()[0] for name in ("FileList.csv", "VolumeTracings.csv")
    )
    assert file_list == "FileName,EF,ESV,EDV,FrameHeight,FrameWidth,FPS,NumberOfFrames,Split"
    assert tracing_list == "FileName,X1,Y1,X2,Y2,Frame"
    assert len(cases) == VIDEOS
    assert {row["Split"] for row in cases.values()} == {"TRAIN", "VAL", "TEST"}
    for name, row in cases.items():
        assert len(name) == 18 and name.startswith("0X") and int(name, 16) >= 0
        edv, esv = float(row["EDV"]), float(row["ESV"])
        assert float(row["EF"]) == pytest.approx((edv - esv) / edv * 100, abs=1e-7)
        assert 20 < edv < 700 and 30 <= int(row["FPS"]) <= 60 and 50 <= int(row["NumberOfFrames"]) <= 200


def test_each_video_is_what_the_list_says(phantom: Path, cases: dict[str, dict[str, str]]) -> None:
    assert {path.stem for path in (phantom / "Videos").iterdir()} == set(cases)
    for name, row in cases.items():
        frames = decoded(phantom / "Videos" / f"{name}.avi")
        assert len(frames) == int(row["NumberOfFrames"])
        assert {frame.shape for frame in frames} == {(112, 112, 3)}
        assert (phantom / "Videos" / f"{name}.avi").read_bytes()[112:116] == b"MJPG"
        # black outside the sector but for the ringing of the compression, and something moves
        assert np.max(np.mean(frames, axis=0)[:8, :8]) < 8
        assert np.std(np.stack(frames), axis=0).max() > 5


def test_discs_on_the_tracings_give_the_listed_ejection_fraction(
    cases: dict[str, dict[str, str]], tracings: dict[str, list[tuple[int, np.ndarray]]]
) -> None:
    checked = 0
    for name, traced in tracings.items():
        if any(len(points) != 21 for _, points in traced):
            continue
        low, high = sorted(disc_volume(points) for _, points in traced)
        assert (1 - low / high) * 100 == pytest.approx(float(cases[name]["EF"]), abs=0.1)
        checked += 1
    assert checked == VIDEOS - 2  # one case is untraced, one malformed


def test_tracings_run_from_apex_to_mitral_plane_inside_the_frame(
    cases: dict[str, dict[str, str]], tracings: dict[str, list[tuple[int, np.ndarray]]]
) -> None:
    for name, traced in tracings.items():
        assert len(traced) == 2
        for frame, points in traced:
            assert 0 <= frame < int(cases[name]["NumberOfFrames"])
            assert points.min() >= 0 and points.max() <= 111
            axis = points[0, 2:] - points[0, :2]
            assert axis[1] > 0  # the apex lies at the top
            along = ((points[1:21, :2] + points[1:21, 2:]) / 2 - points[0, :2]) @ axis / (axis @ axis)
            assert np.all(np.diff(along) > 0) and along[0] > 0 and along[-1] < 1


def test_each_fault_occurs_as_often_as_planned(
    cases: dict[str, dict[str, str]], tracings: dict[str, list[tuple[int, np.ndarray]]]
) -> None:
    planned = Counter(plan.fault for plan in plan_cases(VIDEOS, SPLIT, seed=5))
    assert {fault: planned[fault] for fault in FAULTS} == dict.fromkeys(FAULTS, 1)
    assert len(set(cases) - set(tracings)) == planned["untraced"]
    assert sum(int(row["NumberOfFrames"]) < 64 for row in cases.values()) == planned["short"]
    assert sum(any(len(points) != 21 for _, points in traced) for traced in tracings.values()) == planned["malformed"]
    whole = [traced for traced in tracings.values() if all(len(points) == 21 for _, points in traced)]
    assert sum(area(first) > area(last) for (_, first), (_, last) in whole) == planned["reversed"]


def test_the_cavity_is_darker_than_its_wall(phantom: Path, tracings: dict[str, list[tuple[int, np.ndarray]]]) -> None:
    ratios = []
    for name, traced in tracings.items():
        frames = decoded(phantom / "Videos" / f"{name}.avi")
        for frame, points in traced:
            mask = np.zeros((112, 112), np.uint8)
            x, y = np.rint(outline(points)).T
            mask[polygon(y, x, mask.shape)] = 1
            ring = cv2.dilate(mask, np.ones((9, 9))) - mask
            grey = frames[frame][..., 0].astype(float)
            ratios.append(grey[mask > 0].mean() / grey[ring > 0].mean())
    assert np.median(ratios) < 0.6 and np.mean(np.array(ratios) < 1) > 0.95


def test_files_depend_on_the_seed_alone(tmp_path: Path, run_step) -> None:
    write_phantom(tmp_path / "one", 5, SPLIT, seed=0, processes=1)
    wanted = json.dumps({"videos": 5, "split": SPLIT, "seed": 0})
    assert run_step("echonet/make_phantom.py", "--settings", wanted, "--output", tmp_path / "all").returncode == 0
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) == 7
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "all" / file).read_bytes()
    write_phantom(tmp_path / "other", 3, SPLIT, seed=1, processes=1)
    assert (tmp_path / "one/FileList.csv").read_text() != (tmp_path / "other/FileList.csv").read_text()


@pytest.mark.parametrize(("videos", "split"), [(2, SPLIT), (9, [0.5, 0.5]), (9, [0.9, 0.2, 0.1]), (9, [1.0, 0, 0])])
def test_impossible_settings_are_one_message(tmp_path: Path, videos: int, split: list[float]) -> None:
    with pytest.raises(InputError, match="3 or more videos"):
        write_phantom(tmp_path / "raw", videos, split, seed=0, processes=1)
    assert not list(tmp_path.iterdir())


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32), fraction=st.floats(0.15, 0.78), tilt=st.floats(-0.4, 0.4))
def test_a_ventricle_ejects_what_was_asked_and_its_tracing_shows_it(seed: int, fraction: float, tilt: float) -> None:
    ventricle = left_ventricle.draw_ventricle(np.random.default_rng(seed), fraction, 50.0, 25.0, tilt)
    end_diastole, end_systole = left_ventricle.volume_px3(ventricle, np.array([0.0, 1.0]))
    assert 1 - end_systole / end_diastole == pytest.approx(fraction, abs=1e-3)
    for activation, volume in ((0.0, end_diastole), (1.0, end_systole)):
        assert disc_volume(left_ventricle.tracing(ventricle, activation)) == pytest.approx(volume, rel=5e-3)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_beats_differ_in_length_and_strength_and_rest_in_between(seed: int) -> None:
    rhythm = left_ventricle.draw_rhythm(np.random.default_rng(seed), 4.0)
    times = np.arange(0, 4.0, 0.01)
    activation = left_ventricle.activation_at(rhythm, times)
    assert rhythm.starts_s[0] < 0 and rhythm.starts_s[-1] > 4
    assert activation.min() > -1e-9 and activation.max() < 1.15
    assert np.ptp(rhythm.lengths_s) > 0 and np.ptp(rhythm.strengths) > 0
    systoles = rhythm.starts_s + rhythm.systoles_s
    shown = left_ventricle.activation_at(rhythm, systoles)
    assert np.allclose(shown, rhythm.strengths, atol=0.03)
    assert np.all(left_ventricle.opening_at(rhythm, systoles) < 0.1)  # the mitral valve is shut at end-systole
