"""A download arrives whole, goes on where it broke off, or ends with one line. The server is on this machine."""

import gc
import io
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from reprise.data import web_file
from reprise.data.web_file import download
from reprise.step.errors import InputError
from web_server import Site, serving

BODY = random.Random(0).randbytes(2_500_000)
MOST = 10_000_000


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(web_file, "PAUSE_S", 0)
    with serving({"/a.bin": BODY}) as site:
        yield site


def ranges(site: Site) -> list[str]:
    return [asked for _, asked in site.asked]


def failed(site: Site, target: Path, path: str = "/a.bin", most: int = MOST) -> str:
    with pytest.raises(InputError) as caught:
        download(site.url + path, target, most)
    assert str(caught.value).startswith(f"{site.url}{path.partition('?')[0]}: ")
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_cut_connection_goes_on_where_it_was(site: Site, tmp_path: Path) -> None:
    site.faults["/a.bin"] = ["cut 1000", "cut 1200000", "none"]
    download(f"{site.url}/a.bin", tmp_path / "a.bin", MOST)
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert ranges(site) == ["", "bytes=1000-", "bytes=1201000-"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_a_later_command_goes_on_too(site: Site, tmp_path: Path) -> None:
    site.faults["/a.bin"] = ["cut 1000", "404"]
    assert "404 Not Found" in failed(site, tmp_path / "a.bin")
    download(f"{site.url}/a.bin", tmp_path / "a.bin", MOST)
    assert (tmp_path / "a.bin").read_bytes() == BODY and ranges(site)[-1] == "bytes=1000-"


@pytest.mark.parametrize("second", ["no ranges", "other part"])
def test_a_server_may_ignore_what_it_is_asked_for(site: Site, tmp_path: Path, second: str) -> None:
    site.faults["/a.bin"] = ["cut 1000", second]
    download(f"{site.url}/a.bin", tmp_path / "a.bin", MOST)
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_two_contents_are_never_put_together(site: Site, tmp_path: Path) -> None:
    site.faults["/a.bin"] = ["cut 1000", "404"]
    failed(site, tmp_path / "a.bin")
    site.content["/a.bin"] = BODY[::-1]
    download(f"{site.url}/a.bin", tmp_path / "a.bin", MOST)
    assert (tmp_path / "a.bin").read_bytes() == BODY[::-1]
    site.with_etag, site.faults["/a.bin"] = False, ["cut 1000"]
    download(f"{site.url}/a.bin", tmp_path / "b.bin", MOST)
    assert (tmp_path / "b.bin").read_bytes() == BODY[::-1] and ranges(site)[-1] == ""


def test_a_part_longer_than_the_file_is_dropped(site: Site, tmp_path: Path) -> None:
    site.faults["/a.bin"] = ["cut 1000", "404"]
    failed(site, tmp_path / "a.bin")
    (tmp_path / "a.bin").write_bytes(bytes(len(BODY) + 1))
    download(f"{site.url}/a.bin", tmp_path / "a.bin", MOST)
    assert (tmp_path / "a.bin").read_bytes() == BODY


@pytest.mark.parametrize("status", ["408", "429", "500", "502", "503", "504"])
def test_a_passing_fault_is_waited_for(site: Site, tmp_path: Path, status: str) -> None:
    site.faults["/a.bin"] = [status, status]
    download(f"{site.url}/a.bin", tmp_path / "a.bin", MOST)
    assert (tmp_path / "a.bin").read_bytes() == BODY and len(site.asked) == 3


@pytest.mark.parametrize(
    ("status", "message", "tries"),
    [("404", "404 Not Found", 1), ("403", "403 Forbidden; has the link expired?", 1), ("599", "(599 )", 1)]
    + [("500", "500 Internal Server Error); try again later", 5)],
)
def test_a_fault_that_stays_is_one_line(site: Site, tmp_path: Path, status: str, message: str, tries: int) -> None:
    site.faults["/a.bin"] = [status] * 9
    assert message in failed(site, tmp_path / "a.bin")
    assert len(site.asked) == tries and not (tmp_path / "a.bin").exists()


def test_pauses_grow(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(web_file, "PAUSE_S", 1)
    monkeypatch.setattr(time, "sleep", slept.append)
    site.faults["/a.bin"] = ["500"] * 9
    failed(site, tmp_path / "a.bin")
    assert slept == [2, 4, 8]
    site.headers["Retry-After"], site.faults["/a.bin"] = "7", ["503"]
    download(f"{site.url}/a.bin", tmp_path / "a.bin", MOST)
    assert slept[3:] == [7]
    site.headers["Retry-After"], site.faults["/a.bin"] = "soon", ["503", "503"]
    download(f"{site.url}/a.bin", tmp_path / "b.bin", MOST)
    assert slept[4:] == [2]


def test_time_and_size_have_bounds(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert failed(site, tmp_path / "a.bin", most=1_000_000).endswith("expected at most 0 MB, found 2 MB")
    assert not (tmp_path / "a.bin").exists()
    site.faults["/a.bin"] = ["endless"]
    assert failed(site, tmp_path / "a.bin").endswith("expected at most 9 MB, found more")
    monkeypatch.setattr(web_file, "LONGEST_S", 0.2)
    site.faults["/a.bin"] = ["trickle"]
    assert "the download took more than" in failed(site, tmp_path / "b.bin")


@pytest.mark.parametrize(
    "answer",
    [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nabcde", b"HTTP/1.1 302 F\r\n\r\n"]
    + [b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"]
    + [b"HTTP/1.1 302 F\r\nLocation: %s\r\n\r\n" % link for link in (b"http://[::1/a?KEY", b"ftp://x.org/a?KEY")],
)
def test_an_answer_that_is_none_is_one_line(site: Site, tmp_path: Path, answer: bytes) -> None:
    site.raw["/odd.bin"] = answer
    assert "KEY" not in failed(site, tmp_path / "a.bin", "/odd.bin?KEY")
    gc.collect()  # urllib3 does not close the socket of an answer with two lengths; no later test shall be warned of it


def test_no_server_and_no_host_are_one_line(tmp_path: Path, site: Site) -> None:
    for url, message in {
        "http://127.0.0.1:9/a.bin": r"127\.0\.0\.1:9/a\.bin: cannot be downloaded \(Connection refused\)",
        "http://nowhere.invalid/a.bin": r"nowhere\.invalid/a\.bin: cannot be downloaded \(.*(not known|resolution)",
    }.items():
        with pytest.raises(InputError, match=message):
            download(url, tmp_path / "a.bin", MOST)


def test_a_proxy_of_the_environment_is_asked(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", site.url)
    download("http://nowhere.invalid/a.bin", tmp_path / "a.bin", MOST)
    assert (tmp_path / "a.bin").read_bytes() == BODY and site.asked == [("http://nowhere.invalid/a.bin", "")]


def test_no_key_is_shown(site: Site, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said = failed(site, tmp_path / "x.bin", "/absent.bin?key=SECRET")
    site.redirections["/moved.bin"] = "http://127.0.0.1:9/elsewhere.bin?key=SECRET"
    said += failed(site, tmp_path / "x.bin", "/moved.bin?key=SECRET")
    site.redirections["/circle.bin"] = "/circle.bin?key=SECRET"
    said += failed(site, tmp_path / "x.bin", "/circle.bin?key=SECRET")
    site.faults["/a.bin"] = ["cut 1000", "500"]
    download(f"{site.url}/a.bin?key=SECRET", tmp_path / "a.bin", MOST)
    assert "SECRET" not in f"{said}{capfd.readouterr()}" and ("/a.bin?key=SECRET", "bytes=1000-") in site.asked


def test_https_leads_to_nothing_else() -> None:
    answer = requests.Response()
    answer.status_code, answer.url, answer.raw = 302, "https://example.org/a.bin?key=SECRET", io.BytesIO()
    answer.headers["Location"] = "http://example.org/a.bin"
    with pytest.raises(InputError, match=r"^https://example\.org/a\.bin: https leads to an address without it$"):
        web_file._Session().get_redirect_target(answer)
    answer.headers["Location"] = "//example.org/b.bin"
    assert web_file._Session().get_redirect_target(answer) == "//example.org/b.bin"
