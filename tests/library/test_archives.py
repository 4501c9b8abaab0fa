"""An archive of others is unpacked whole, or refused in one line; nothing in it reaches outside its folder."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from reprise.data import archives
from reprise.data.archives import unpack
from reprise.step.errors import InputError

FILES = {"set/FileList.csv": b"a,b\n", "set/Videos/1.avi": bytes(range(256)) * 20, "set/empty": b""}
Special = dict[str, bytes]  # fields of a tar header that is no file's


def zipped(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("set/")
        for name, content in files.items():
            archive.writestr(name, content)


def tarred(files: dict[str, bytes], *special: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in special:
            archive.addfile(info)
    return stream.getvalue()


def tar_gz(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def tar_zst(path: Path, files: dict[str, bytes]) -> None:
    path.write_bytes(zstandard.compress(tarred(files)))


def tar(path: Path, files: dict[str, bytes]) -> None:
    path.write_bytes(tarred(files))


KINDS = (zipped, tar_gz, tar_zst, tar)
Pack = Callable[[Path, dict[str, bytes]], None]


def refused(path: Path, folder: Path) -> str:
    """The one line about an archive; nothing lies outside the folder afterwards."""
    before = {each for each in folder.parent.rglob("*") if not each.is_relative_to(folder)}
    with pytest.raises(InputError) as caught:
        unpack(path, folder, "a.zip")
    assert str(caught.value).startswith("a.zip: ") and len(str(caught.value).splitlines()) == 1
    assert {each for each in folder.parent.rglob("*") if not each.is_relative_to(folder)} == before
    return str(caught.value)


@pytest.mark.parametrize("pack", KINDS)
def test_each_kind_comes_out_as_it_went_in_whatever_its_name(tmp_path: Path, pack: Pack) -> None:
    pack(tmp_path / "download", FILES)
    unpack(tmp_path / "download", tmp_path / "out", "a.zip")
    found = {path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*")}
    assert {name: path.read_bytes() for name, path in found.items() if path.is_file()} == FILES


@pytest.mark.parametrize("pack", KINDS)
@pytest.mark.parametrize("name", ["../x", "set/../../x", "/x", "..\\x", "C:\\x", "set/.."])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, pack: Pack, name: str) -> None:
    pack(tmp_path / "a", {"set/good": b"", name: b"x"})
    assert "leads out of the folder" in refused(tmp_path / "a", tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("set/odd")
    info.type, info.linkname = kind, "../../secret"
    (tmp_path / "a").write_bytes(tarred(FILES, info))
    assert "set/odd is a link or a device" in refused(tmp_path / "a", tmp_path / "out")


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        info = zipfile.ZipInfo("set/odd")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "../../secret")
    assert "set/odd is a link or a device" in refused(tmp_path / "a", tmp_path / "out")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("a", "a"), ("a", "./a"), ("a", "a/b")])
def test_a_path_that_is_there_twice_is_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        for name in names:
            archive.writestr(name, name)
    assert "is in it twice" in (said := refused(tmp_path / "a", tmp_path / "out")) or "directory" in said


@pytest.mark.parametrize("pack", [zipped, tar_gz, tar_zst])
def test_a_bomb_is_refused_before_it_fills_the_disk(
    tmp_path: Path, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED_BYTES", 1 << 20)
    pack(tmp_path / "a", {"set/1": bytes(900_000), "set/2": bytes(900_000), "set/3": bytes(20_000_000)})
    assert "unpacked it is more than 1 MB" in refused(tmp_path / "a", tmp_path / "out")
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file()) <= 1 << 20
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED_BYTES", 1 << 30)
    monkeypatch.setattr(archives, "MOST_FILES", 2)
    assert "or 2 files" in refused(tmp_path / "a", tmp_path / "other")


def test_a_header_can_be_a_bomb_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED_BYTES", 1 << 20)
    info = tarfile.TarInfo("set/a")
    info.pax_headers = {"comment": "0" * 30_000_000}
    (tmp_path / "a").write_bytes(zstandard.compress(tarred({}, info)))
    assert "unpacked it is more than 1 MB" in refused(tmp_path / "a", tmp_path / "out")


@pytest.mark.parametrize("pack", KINDS)
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.6, 0.9])
def test_a_part_of_an_archive_is_refused(tmp_path: Path, pack: Pack, keep: float) -> None:
    pack(tmp_path / "a", FILES | {"set/last": bytes(range(256)) * 500})
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(content[: int(keep * len(content))])
    refused(tmp_path / "a", tmp_path / "out")


@pytest.mark.parametrize(
    "content", [b"<html>log in first</html>", b"PK\3\4 and no more", b"\x1f\x8bxx", b"Rar!\x1a\x07"]
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert "not a readable archive (.zip, .tar.gz, .tar.zst)" in refused(tmp_path / "a", tmp_path / "out")


def test_a_locked_and_a_damaged_zip_are_refused(tmp_path: Path) -> None:
    zipped(tmp_path / "a", FILES)
    content = bytearray((tmp_path / "a").read_bytes())
    damaged = bytearray(content)
    damaged[content.index(b"set/Videos/1.avi") + 30] ^= 255
    (tmp_path / "a").write_bytes(damaged)
    refused(tmp_path / "a", tmp_path / "out")
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = content.index(mark, content.index(mark) + 1)
        content[at + offset] |= 1
    (tmp_path / "a").write_bytes(content)
    assert "needs a password" in refused(tmp_path / "a", tmp_path / "other")
