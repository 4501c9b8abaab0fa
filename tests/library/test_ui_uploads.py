"""Uploads to the page: bounds before reading, names that say nothing, archives that lead nowhere, and nothing stays."""

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from persons import FOLDER, NAMES
from reprise.step.errors import InputError
from ui import serve, uploads
from ui.uploads import files_of, forget, guarded, take


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def client() -> TestClient:
    """Asks an application that takes at most 1 MB and answers with the size of what it got."""
    return TestClient(guarded(Starlette(routes=[Route("/", echo, methods=["GET", "POST"])]), 2**20))


def test_a_large_upload_is_refused_before_the_application_sees_it(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert client.post("/", content=b"x" * 2**20).text == str(2**20)
    refused = client.post("/", content=b"x" * (2**20 + 1))
    assert (refused.status_code, refused.text) == (413, "an upload was refused: expected at most 1 MB")

    def endless() -> Iterator[bytes]:
        yield from [b"x" * 2**19] * 5

    assert client.post("/", content=endless()).text == "an upload was refused: its size is not stated"
    assert client.get("/").text == "0", "the page is alive"
    assert capsys.readouterr().err.splitlines() == [refused.text, "an upload was refused: its size is not stated"]


def test_no_answer_lets_a_page_load_from_elsewhere(client: TestClient) -> None:
    rules = dict(rule.split(maxsplit=1) for rule in client.get("/").headers["content-security-policy"].split("; "))
    allowed = {"'self'", "data:", "blob:", "'unsafe-inline'", "'unsafe-eval'"}
    assert "default-src" in rules and {source for sources in rules.values() for source in sources.split()} <= allowed


def uploaded(root: Path, *names: str) -> list[str]:
    """Files as Gradio leaves them: each in a folder of its own."""
    paths = []
    for number, name in enumerate(names):
        (root / f"{number:064}").mkdir(parents=True)
        paths.append(str(root / f"{number:064}" / name))
        Path(paths[-1]).write_text(name)
    return paths


def test_uploads_move_to_a_private_folder_under_names_that_say_nothing(tmp_path: Path) -> None:
    names = [*NAMES, "Roe.NII.gz", "Li.hdr", "Li.img", "Roe.dcm"]
    taken = take(uploaded(tmp_path / "uploads", *names), tmp_path)
    assert stat.S_IMODE(taken.stat().st_mode) == 0o700 and list((tmp_path / "uploads").iterdir()) == []
    contents = {file.read_text(): file.name for file in files_of(taken)}
    assert len(contents) == len(names)
    assert contents["Roe.NII.gz"].endswith(".nii.gz")
    assert contents["Li.hdr"].removesuffix("hdr") == contents["Li.img"].removesuffix("img")
    assert not [name for name in contents.values() if any(person in name for person in (*NAMES, "Roe", "Li"))]
    forget(taken)
    assert [path.name for path in tmp_path.iterdir()] == ["uploads"]


@pytest.mark.parametrize("second", ["uploads/gone", "mine", "uploads/../mine"])
def test_a_file_that_is_no_upload_is_one_line_and_stays(tmp_path: Path, second: str) -> None:
    (tmp_path / "mine").write_text("not uploaded")
    paths = [*uploaded(tmp_path / "uploads", "a"), str(tmp_path / second)]
    with pytest.raises(InputError, match="please upload it once more"):
        take(paths, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"uploads", "mine"}


def packed(folder: Path, members: dict[str, bytes], before: bytes = b"") -> Path:
    """An upload of one zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    folder.mkdir()
    (folder / "file-0001").write_bytes(before or buffer.getvalue())
    return folder


def test_an_archive_gives_its_files_under_names_that_say_nothing(tmp_path: Path) -> None:
    members = {f"{FOLDER}/IM1": b"one", f"{FOLDER}/deep/IM1": b"two", "__MACOSX/IM1": b"no", "DICOMDIR": b"no"}
    files = files_of(packed(tmp_path / "a", {**members, f"{FOLDER}/.hidden": b"no"}))
    assert {file.read_bytes() for file in files} == {b"one", b"two"}
    assert not [file for file in files if FOLDER in str(file.relative_to(tmp_path))]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"../Roe_Richard": b"x"}, "the archive: refused: a file in it leads out of the folder"),
        ({"a/../../Roe_Richard": b"x"}, "the archive: refused: a file in it leads out of the folder"),
        ({"/Roe_Richard": b"x"}, "the archive: refused: a file in it leads out of the folder"),
        ({"Roe_Richard": b"\0" * 2**21}, "the archive: refused: expected at most 5000 files and 1 MB unpacked"),
        ({".hidden": b"x"}, "the archive: there is no file in it"),
    ],
)
def test_a_bad_archive_is_one_line_without_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes], message: str
) -> None:
    monkeypatch.setattr(uploads, "LARGEST_UNPACKED", 2**20)
    private = packed(tmp_path / "upload", members)
    with pytest.raises(InputError) as raised:
        files_of(private)
    assert str(raised.value) == message
    assert [path for path in tmp_path.rglob("*") if "Roe" in path.name] == []


def test_a_damaged_archive_is_one_line(tmp_path: Path) -> None:
    private = packed(tmp_path / "upload", {}, before=b"PK\3\4 and then nothing that an archive has")
    with pytest.raises(InputError, match="the archive: not a readable archive"):
        files_of(private)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1"])
def test_others_are_served_only_if_the_user_says_so(address: str) -> None:
    with pytest.raises(InputError, match="others could reach this page; add --yes-serve-to-others if they may"):
        serve.listen(address, 0, others=False)


def test_the_page_listens_on_this_machine_alone_and_a_port_in_use_is_one_line() -> None:
    args = serve.arguments().parse_args([])
    assert (args.address, args.port, args.yes_serve_to_others) == ("127.0.0.1", 7860, False)
    with serve.listen("127.0.0.1", 0, others=False) as first:
        first.listen()
        assert first.getsockname()[0] == "127.0.0.1"
        with pytest.raises(InputError, match=r"port \d+ of localhost: Address already in use; choose another"):
            serve.listen("localhost", first.getsockname()[1], others=False)
    with pytest.raises(InputError, match="expected an IP address"):
        serve.listen("example.org", 0, others=True)


def test_what_a_killed_server_left_goes_and_a_running_one_keeps_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve.tempfile, "tempdir", str(tmp_path))
    running, killed = (tmp_path / f"{serve.PREFIX}{process}-x" for process in (os.getpid(), 2**30))
    for folder in (running, killed):
        (folder / "uploads").mkdir(parents=True)
    serve.remove_left()
    assert list(tmp_path.iterdir()) == [running]
