"""The names of a user's own files, and the key that leads from each name to its file."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from reprise.data import own_files
from reprise.data.own_files import name_own_files, read_key, write_key
from reprise.step.files import file_sha256


def fill(root: Path, *names: str) -> None:
    """Write files of different contents."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(os.fsencode(name))


def test_a_neutral_name_comes_from_the_content_alone(tmp_path: Path) -> None:
    fill(tmp_path, "Roe.dcm", "deep/Richard.pdf")
    shutil.copy(tmp_path / "Roe.dcm", tmp_path / "again.dcm")
    cases = {file.path.name: file.case for file in name_own_files(tmp_path, keep_names=False)}
    assert cases["Roe.dcm"] == cases["again.dcm"] == f"case-{file_sha256(tmp_path / 'Roe.dcm')[:12]}"
    assert cases["Richard.pdf"] != cases["Roe.dcm"]


@pytest.mark.parametrize("keep_names", [True, False])
def test_both_files_of_a_pair_are_one_case(tmp_path: Path, keep_names: bool) -> None:
    fill(tmp_path, "a.hdr", "a.img", "b.HDR.gz", "b.IMG.gz", "c.hdr")
    names = {file.path.name: (file.case, file.digest) for file in name_own_files(tmp_path, keep_names)}
    assert names["a.hdr"] == names["a.img"] and names["b.HDR.gz"] == names["b.IMG.gz"]
    assert len(set(names.values())) == 3
    (tmp_path / "a.img").write_text("other voxels")
    changed = {file.path.name: file.case for file in name_own_files(tmp_path, keep_names)}
    assert (changed["a.hdr"] == names["a.hdr"][0]) == keep_names and changed["c.hdr"] == names["c.hdr"][0]


def test_kept_names_are_plain_and_tell_files_apart(tmp_path: Path) -> None:
    fill(tmp_path, "p1/FLAIR.nii.gz", "p2/flair.nii", "x.y.mp4", "1.2.840.77", "Zoë (1).avi", "a/b/z.avi", "c/b/z.avi")
    fill(tmp_path, "NA.dcm", "---.dcm", f"{'z' * 99}.nii")
    names = {file.path.relative_to(tmp_path).as_posix(): file.case for file in name_own_files(tmp_path, True)}
    neutral = {file.path.relative_to(tmp_path).as_posix(): file.case for file in name_own_files(tmp_path, False)}
    assert names == {
        "p1/FLAIR.nii.gz": "p1_FLAIR",
        "p2/flair.nii": "p2_flair",
        "x.y.mp4": "x.y",
        "1.2.840.77": "1.2.840.77",
        "Zoë (1).avi": "Zo_1",
        "a/b/z.avi": "b_z",
        "c/b/z.avi": f"b_z-{neutral['c/b/z.avi']}",
        "NA.dcm": f"NA-{neutral['NA.dcm']}",
        "---.dcm": neutral["---.dcm"],
        f"{'z' * 99}.nii": "z" * 64,
    }


def test_what_cannot_be_read_has_a_neutral_name_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "good.avi", "Roe/x.avi", "locked.avi")
    (tmp_path / "loop.nii").symlink_to(tmp_path / "loop.nii")
    os.mkfifo(tmp_path / "pipe.dcm")
    scandir, sha256 = os.scandir, file_sha256

    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", lambda path: denied(path) if path.name == "Roe" else scandir(path))
    monkeypatch.setattr(
        own_files, "file_sha256", lambda path: denied(path) if path.name == "locked.avi" else sha256(path)
    )
    found = {file.path.name: file for file in name_own_files(tmp_path, keep_names=False)}
    problems = {name: file.problem for name, file in found.items() if file.problem}
    assert problems.keys() == {"Roe", "locked.avi", "loop.nii", "pipe.dcm"}
    assert "Permission denied" in problems["Roe"] and "symbolic links" in problems["loop.nii"]
    assert {file.case.rstrip("0123456789") for file in found.values() if file.problem} == {"unreadable-"}
    assert len({file.case for file in found.values()}) == 5


def test_the_reading_of_a_large_file_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    (tmp_path / "Roe.dcm").write_bytes(bytes(3_000_000))
    (usual,) = name_own_files(tmp_path, keep_names=False)
    monkeypatch.setattr(own_files, "LARGE", 1000)
    assert name_own_files(tmp_path, keep_names=False) == [usual]
    assert "MB of a large file read: 3 of 3" in capfd.readouterr().err


def test_the_key_can_be_read_by_its_owner_alone_and_holds_any_name(tmp_path: Path) -> None:
    fill(tmp_path / "in", "a,b.avi", 'say "x"\n.dcm', os.fsdecode(b"\xff.nii"), "NA")
    files = name_own_files(tmp_path / "in", keep_names=False)
    write_key(tmp_path / "key.csv", files)
    assert stat.S_IMODE((tmp_path / "key.csv").stat().st_mode) == 0o600
    assert read_key(tmp_path / "key.csv") == files
    assert {os.fsencode(file.path.name) for file in files} == {file.path.read_bytes() for file in files}
