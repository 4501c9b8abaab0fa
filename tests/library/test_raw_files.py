"""Raw files count by content: a new time alone is no change, and an old time hides no change."""

import json
import os
import re
import shutil
import time
from pathlib import Path

import pytest

from dry_runs import changed_with_old_time, stale, why
from project import TINY, configure, copy_project, type_command
from reprise.engine import raw_files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with files that have settled, at any depth."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(raw_files, "SETTLED_NS", 0)
    for name in ("a.csv", "Videos/b.avi", "Videos/c.avi"):
        (tmp_path / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "raw" / name).write_text(name)
    time.sleep(0.02)
    return tmp_path / "raw"


def digest() -> str:
    raw_files.digests_below.cache_clear()
    return raw_files.files_digest("raw")


def test_only_what_changed_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    content = raw_files._content
    monkeypatch.setattr(raw_files, "_content", lambda path, *more: read.append(path.name) or content(path, *more))
    before = digest()
    assert sorted(read) == ["a.csv", "b.avi", "c.avi"]
    assert digest() == before and len(read) == 3
    (folder / "a.csv").touch()
    assert digest() == before and read[3:] == ["a.csv"]
    changed_with_old_time(folder / "Videos/b.avi")
    assert digest() != before and read[4:] == ["b.avi"]


def test_files_just_changed_are_not_trusted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_files, "SETTLED_NS", 3_600_000_000_000)
    before = digest()
    assert not list(Path("results/fingerprints").glob("index-*.json")) and digest() == before


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"a.csv": 1}', '{"a.csv": [[1], 2]}'])
def test_a_damaged_index_is_made_again(folder: Path, damage: str) -> None:
    before = digest()
    index = next(Path("results/fingerprints").glob("index-*.json"))
    good = index.read_text()
    index.write_text(damage)
    assert digest() == before and index.read_text() == good


def test_nothing_is_lost_where_results_cannot_be_written(folder: Path) -> None:
    before = digest()
    shutil.rmtree("results")
    Path("results").write_text("in the way")
    assert digest() == before


def test_links_are_followed_but_never_in_a_circle(folder: Path) -> None:
    before = digest()
    (folder / "Videos").rename(folder.parent / "elsewhere")
    (folder / "Videos").symlink_to(folder.parent / "elsewhere")
    assert digest() == before
    (folder / "Videos/circle").symlink_to(folder)
    (folder / "broken").symlink_to(folder / "nowhere")
    assert digest() == before
    changed_with_old_time(folder.parent / "elsewhere/b.avi")
    assert digest() != before


def test_long_reading_says_how_far_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    content = raw_files._content
    monkeypatch.setattr(raw_files, "LINES_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(raw_files, "_content", lambda *args: (content(*args), time.sleep(0.1))[0])
    with (folder / "large").open("wb") as file:
        file.truncate(3 << 20)
    digest()
    assert "reading files to know whether they changed: 3 of 3 MB" in capsys.readouterr().err.splitlines()


def test_records_of_own_files_hold_no_name(folder: Path) -> None:
    (folder / "Roe_Richard.avi").write_text("x")
    before = raw_files.own_files_digest("raw")
    assert not [path for path in Path("results").rglob("*.json") if re.search(r"Roe|Richard|Videos", path.read_text())]
    (folder / "Roe_Richard.avi").rename(folder / "Doe.avi")
    raw_files.digests_below.cache_clear()
    renamed = raw_files.own_files_digest("raw")
    assert renamed != before, "a new name must lead to a new key"
    folder.rename(folder.with_name("Roe_Richard"))
    raw_files.digests_below.cache_clear()
    assert raw_files.own_files_digest("Roe_Richard") != renamed, "so must another folder"
    assert not [path for path in Path("results").rglob("*.json") if re.search(r"Roe|Richard|Videos", path.read_text())]


def test_what_cannot_be_read_is_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, scandir = digest(), os.scandir

    def scan(path: Path) -> object:
        if path.name == "lost+found":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    (folder / "lost+found").mkdir()
    os.mkfifo(folder / "Videos/pipe")
    (folder / "loop").symlink_to(folder / "loop")
    monkeypatch.setattr(os, "scandir", scan)
    assert digest() != before and set(raw_files.digests_below("raw").values()) > {""}


def test_raw_files_make_their_conversion_stale_by_content_alone(tmp_path: Path, run_step) -> None:
    store, converted = "results/echonet/store", {"echonet_check", "echonet_convert"}
    copy_project(tmp_path, TINY)
    raw = tmp_path / "raw"
    configure(tmp_path, data={"echonet": "raw"})
    settings = json.dumps(TINY["echonet"]["phantom"] | {"seed": 0})
    made = run_step("echonet/make_phantom.py", "--settings", settings, "--output", raw)
    assert made.returncode == 0, made.stderr
    done = type_command(f"snakemake {store}", tmp_path)
    assert done.returncode == 0, done.stdout[-5000:]
    first, second, *_ = sorted((raw / "Videos").iterdir())
    for path in raw.rglob("*"):
        path.touch()
    assert stale(tmp_path, store) == set()
    changed_with_old_time(first)
    assert stale(tmp_path, store) == converted
    assert f"echonet check <- raw file Videos/{first.name} replaced" in why(tmp_path, store)
    changed_with_old_time(first)
    shutil.copy(first, raw / "Videos/new.avi")
    second.rename(tmp_path / "removed.avi")
    assert stale(tmp_path, store) == converted
    reasons = f"raw file Videos/{second.name} removed; raw file Videos/new.avi added"
    assert f"echonet check <- {reasons}" in why(tmp_path, store)
    (raw / "Videos/new.avi").rename(raw / ".hidden")
    (tmp_path / "removed.avi").rename(second)
    for index in (tmp_path / "results/fingerprints").glob("index-*.json"):
        index.write_text('{"FileList.csv": 1, ')
    assert stale(tmp_path, store) == set()
    raw.rename(tmp_path / "moved")
    configure(tmp_path, data={"echonet": "moved"})
    assert stale(tmp_path, store) == set()
    manifest = tmp_path / "results/echonet/manifest.csv"
    manifest.write_text(manifest.read_text().replace(first.stem, "other"))
    assert stale(tmp_path, store) == converted
    assert "echonet check <- results/echonet/manifest.csv is not what its step wrote" in why(tmp_path, store)
