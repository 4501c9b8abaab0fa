"""Sets of raw data from a server on this machine: whole or not at all, and never fetched twice."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from project import environment
from reprise.data import web_file
from reprise.data.raw_sets import fetch_set, git_blob_id
from reprise.engine.links import conceal
from reprise.step.errors import InputError
from reprise.step.files import file_sha256
from small_disk import small_disk
from web_server import Site, serving
from workflow_rules import CODE

STEP = "raw_data/download.py"
FILES = {f"p{number}/{name}": random.Random(f"{number}{name}").randbytes(4000) for number in (1, 2) for name in "ab"}
BASE = "/raw.example.org/repo/commit"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(web_file, "PAUSE_S", 0)
    with serving({f"{BASE}/{path}": content for path, content in FILES.items()}) as site:
        yield site


@pytest.fixture
def row(tmp_path: Path) -> dict[str, Any]:
    """A row of config/datasets.yaml."""
    rows = ["path\tgit_blob_id"]
    for path, content in FILES.items():
        (tmp_path / "blob").write_bytes(content)
        rows.append(f"{path}\t{git_blob_id(tmp_path / 'blob')}")
    (tmp_path / "blob").unlink()
    (tmp_path / "ids.tsv").write_text("\n".join(rows))
    about = {"title": "Four files", "terms": "CC BY", "page": "https://example.org/terms", "citation": "Doe 2020"}
    return about | {"megabytes": 1, "url": "https://raw.example.org/repo/commit", "files": str(tmp_path / "ids.tsv")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "study" / "four"


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(source: dict[str, Any], folder: Path, mirror: str = "") -> str:
    with pytest.raises(InputError) as caught:
        fetch_set(source, folder, mirror)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def zip_of(path: Path, files: dict[str, bytes], top: str = "top/") -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"{top}{name}", data)
    return path.read_bytes()


def test_a_git_blob_id_is_that_of_git(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(FILES["p1/a"])
    said = subprocess.run(["git", "hash-object", tmp_path / "a"], capture_output=True, text=True, check=True).stdout
    assert git_blob_id(tmp_path / "a") == said.strip()


def test_a_set_by_name_arrives_once(
    site: Site, row: dict[str, Any], folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    record = fetch_set(row, folder, site.url)
    said = capfd.readouterr().err
    assert content(folder) == FILES
    assert record["files"] == {path: file_sha256(folder / path) for path in FILES}
    assert record["source"] == row["url"] and json.loads(folder.with_name("four.json").read_text()) == record
    assert {path.stat().st_mode & 0o222 for path in folder.rglob("*") if path.is_file()} == {0}
    first, terms, cite = said.splitlines()[:3]
    assert first == f"downloading Four files (4 of 4 files, about 1 MB) to {folder}"
    assert "CC BY; read them at https://example.org/terms" in terms and "Doe 2020" in cite
    assert fetch_set(row, folder, site.url) == record and len(site.asked) == 4
    (folder / "p2/a").unlink()
    assert fetch_set(row, folder, site.url) == record
    assert content(folder) == FILES and site.asked[4:] == [(f"{BASE}/p2/a", "")]


def test_a_changed_file_is_named_and_left_alone(site: Site, row: dict[str, Any], folder: Path) -> None:
    fetch_set(row, folder, site.url)
    (folder / "p1/b").chmod(0o644)
    (folder / "p1/b").write_bytes(b"mine")
    said = refused(row, folder, site.url)
    assert said == f"{folder}: changed since the download: p1/b; delete them, and they are downloaded again"
    assert (folder / "p1/b").read_bytes() == b"mine" and len(site.asked) == 4


def test_a_wrong_file_keeps_the_set_from_appearing(site: Site, row: dict[str, Any], folder: Path) -> None:
    good = site.content[f"{BASE}/p2/a"]
    site.content[f"{BASE}/p2/a"] = b"<html>log in</html>"
    assert "p2/a: expected content with the Git blob id " in refused(row, folder, site.url)
    assert not folder.exists() and not folder.with_name("four.json").exists()
    site.content[f"{BASE}/p2/a"] = good
    fetch_set(row, folder, site.url)
    assert content(folder) == FILES
    assert sorted(path for path, _ in site.asked) == sorted([*(f"{BASE}/{name}" for name in FILES), f"{BASE}/p2/a"])


def test_a_table_that_leads_elsewhere_is_refused(row: dict[str, Any], folder: Path) -> None:
    for text in (
        "path\tgit_blob_id\n../a\t00",
        "path\tgit_blob_id\na\t00\na\t01",
        "path\tgit_blob_id\n",
        "path\na",
        "",
    ):
        Path(row["files"]).write_text(text)
        assert refused(row, folder).startswith(row["files"])
    assert not folder.exists()


def archive_row(site: Site, name: str = "set.zip") -> dict[str, Any]:
    return {"archive": f"{site.url}/{name}"}


def test_an_archive_arrives_once_and_is_known_again(site: Site, tmp_path: Path, folder: Path) -> None:
    packed = site.content["/set.zip"] = zip_of(tmp_path / "a.zip", FILES)
    site.faults["/set.zip"] = ["cut 5000"]
    record = fetch_set(archive_row(site), folder)
    assert content(folder) == FILES, "the folder that all lies in does not count"
    assert (
        record["sha256"] == file_sha256(tmp_path / "a.zip") and [asked for _, asked in site.asked][1] == "bytes=5000-"
    )
    assert fetch_set(archive_row(site), folder) == record and len(site.asked) == 2
    other = {"archive": conceal(f"{site.url}/set.zip?key=OTHER")}
    assert fetch_set(other, folder)["files"] == record["files"], "the same content by another link"
    site.content["/set.zip"] = zip_of(tmp_path / "b.zip", FILES | {"p1/a": b"other", "new": b""})
    said = refused(archive_row(site, "set.zip?key=1"), folder)
    assert f"{site.url}/set.zip: another content than at the first download: new, p1/a; to take it, remove " in said
    shutil.rmtree(folder)
    assert "another content than at the first download" in refused(archive_row(site), folder) and not folder.exists()
    site.content["/set.zip"] = packed
    assert fetch_set(archive_row(site), folder)["files"] == record["files"]
    (folder / "p1/a").unlink()
    assert "changed since the download: p1/a; remove the folder" in refused(archive_row(site), folder)


def test_an_archive_by_name_that_is_made_anew_each_time_is_the_same_by_its_files(
    site: Site, row: dict[str, Any], tmp_path: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    del row["files"], row["url"]
    row["archive"] = "https://raw.example.org/api/folder/download"
    site.content["/raw.example.org/api/folder/download"] = zip_of(tmp_path / "a.zip", FILES)
    first = fetch_set(row, folder, site.url)
    assert "terms: CC BY; read them at https://example.org/terms" in capfd.readouterr().err
    assert (first["citation"], first["source"]) == ("Doe 2020", row["archive"])
    shutil.rmtree(folder)
    site.content["/raw.example.org/api/folder/download"] = zip_of(tmp_path / "b.zip", dict(reversed(FILES.items())))
    second = fetch_set(row, folder, site.url)
    assert content(folder) == FILES and second["files"] == first["files"] and second["sha256"] != first["sha256"]


@pytest.mark.parametrize("packed", [b"<html>log in first</html>", b""])
def test_what_is_no_archive_leaves_nothing(site: Site, folder: Path, packed: bytes, tmp_path: Path) -> None:
    site.content["/set.zip"] = packed or zip_of(tmp_path / "a.zip", {"../x": b"x"}, top="")
    assert refused(archive_row(site), folder).startswith(f"{site.url}/set.zip: ")
    assert not folder.exists() and not list(tmp_path.rglob("x"))
    site.content["/set.zip"] = zip_of(tmp_path / "a.zip", FILES, top="")
    fetch_set(archive_row(site), folder)
    assert content(folder) == FILES


def test_a_local_archive_may_go_but_not_change(tmp_path: Path, folder: Path) -> None:
    archive = tmp_path / "set.zip"
    source = {"archive": f"file:{archive}"}
    assert refused(source, folder) == f"{archive}: no such archive"
    zip_of(archive, FILES)
    record = fetch_set(source, folder)
    assert content(folder) == FILES and archive.exists()
    zip_of(archive, FILES | {"p1/a": b"other"})
    assert "another content than at the first download: p1/a" in refused(source, folder)
    archive.unlink()
    assert fetch_set(source, folder) == record


def test_a_folder_that_is_not_ours_is_left_alone(site: Site, tmp_path: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    assert "not from a download" in refused(archive_row(site), folder)
    assert site.asked == []
    (tmp_path / "file").touch()
    assert refused(archive_row(site), tmp_path / "file/study/four").endswith("expected a folder, found a file")


def command(source: dict[str, Any], folder: Path, mirror: str = "") -> list[str]:
    words = ["--settings", json.dumps(source), "--folder", str(folder), "--mirror", mirror]
    return [sys.executable, str(CODE / STEP), *words, "--receipt", str(folder.with_name("receipt.json"))]


def start(*words: Any) -> subprocess.Popen[str]:
    search = {"PYTHONPATH": str(CODE)}
    return subprocess.Popen(command(*words), env=environment() | search, stderr=subprocess.PIPE, text=True)


def test_a_kill_in_the_middle_costs_little(site: Site, row: dict[str, Any], folder: Path) -> None:
    site.faults[f"{BASE}/p2/a"] = ["trickle"]
    step = start(row, folder, site.url)
    partial = folder.with_name(".four") / "files/p2/.a.part"
    deadline = time.monotonic() + 300
    while len(site.asked) < 3 or not partial.exists():
        assert time.monotonic() < deadline and step.poll() is None
        time.sleep(0.02)
    os.kill(step.pid, signal.SIGKILL)
    step.communicate()
    assert not folder.exists()
    fetch_set(row, folder, site.url)
    assert content(folder) == FILES
    assert [path.removeprefix(f"{BASE}/") for path, _ in site.asked] == ["p1/a", "p1/b", "p2/a", "p2/a", "p2/b"]


def test_two_commands_at_once_fetch_once(site: Site, row: dict[str, Any], folder: Path) -> None:
    site.faults[f"{BASE}/p1/a"] = ["trickle"]
    steps = [start(row, folder, site.url) for _ in range(2)]
    said = [step.communicate()[1] for step in steps]
    assert [step.returncode for step in steps] == [0, 0], said
    assert content(folder) == FILES and len(site.asked) == 4


def test_a_small_disk_is_told_before_and_a_full_one_at_once(
    site: Site, row: dict[str, Any], tmp_path: Path, run_step: Any
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    site.content["/set.zip"] = random.Random(1).randbytes(2_500_000)
    site.faults["/endless.zip"], site.content["/endless.zip"] = ["endless"], b"x"
    with small_disk(disk, 4_000_000) as inside:
        for source, message in (
            (row | {"megabytes": 50}, "Four files: needs 50 MB of disk below"),
            (archive_row(site), "set.zip: needs 5 MB of disk below"),
            (archive_row(site, "endless.zip"), "the disk is full; what has arrived is kept for the next try"),
        ):
            done = run_step(*command(source, disk / "study/four", site.url)[1:], before=inside)
            assert done.returncode == 2 and message in done.stderr.splitlines()[-1], done.stderr
            free = "/set.zip: 2 MB, for which the disk must have 5 MB free"
            assert (free in done.stderr) == (source == archive_row(site)), "it is said before"
    assert not [path for path, _ in site.asked if path.startswith(BASE)]


def test_downloads_of_others_can_be_shared_read_only(
    site: Site, row: dict[str, Any], folder: Path, run_step: Any, tmp_path: Path
) -> None:
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("a disk that is read only takes root and mount namespaces")
    fetch_set(row, folder, site.url)
    script = f'mount --bind {folder.parent} {folder.parent} && mount -o remount,ro,bind {folder.parent} && exec "$@"'
    before = ("unshare", "--mount", "sh", "-c", script, "sh")
    words = [*command(row, folder, site.url)[2:-1], str(tmp_path / "receipt.json")]
    done = run_step(STEP, *words, before=before)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "receipt.json").read_text())["files"].keys() == FILES.keys()
    (folder / "p1/a").unlink()
    done = run_step(STEP, *words, before=before)
    assert done.returncode == 2 and done.stderr.splitlines()[-1].endswith("Read-only file system"), done.stderr


def test_a_set_by_name_is_not_put_into_the_folder_of_an_archive(
    site: Site, row: dict[str, Any], tmp_path: Path, folder: Path
) -> None:
    zip_of(tmp_path / "four.zip", {"other": b"x"})
    fetch_set({"archive": f"file:{tmp_path / 'four.zip'}"}, folder)
    assert "from an archive, not by name; move it away" in refused(row, folder, site.url)
    assert content(folder) == {"other": b"x"}
