"""The run crate's last look: planted names of persons, machines and folders."""

from pathlib import Path

import pytest

from reprise.report.crate_privacy import machine_names, raw_names, refuse_private, without_raw_names
from reprise.step.errors import InputError

PUBLIC = b"#!/usr/bin/env python\nroot = Path('FileList.csv')"
CONFIG = {
    "data": {"one": "/data/Smith_John/echo", "two": "phantom"},
    "weights": {"net": "../Miller/net.pth"},
    "seed": 0,
}
MANIFEST = f"path,sha256\nVideos/Smith_John 1950.avi,{64 * 'a'}\nFileList.csv,{64 * 'b'}\n7.png,{64 * 'c'}\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("seen on host-17:", "the name of this computer"),
        ("by jdoe.", "the user's name"),
        ("/users/jdoe/x", "the home folder"),
        ("from /data/Smith_John/echo/a.csv", "a path of the configuration"),
        ("../Miller/net.pth", "a path of the configuration"),
        ("weights net.pth", "a folder or file of the configuration"),
        ("log in /tmp/run.log", "an absolute path"),
        ("<td>Smith_John 1950</td>", "the name of a raw file"),
    ],
)
def test_a_planted_name_is_refused_in_one_line(
    text: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.node", lambda: "host-17.example.org")
    monkeypatch.setenv("LOGNAME", "jdoe")
    monkeypatch.setenv("HOME", "/users/jdoe")
    (tmp_path / "manifest.csv").write_text(MANIFEST)
    raw = raw_names([str(tmp_path / "manifest.csv")], PUBLIC)
    names = machine_names(CONFIG)
    with pytest.raises(InputError, match=rf"^results/a.csv: holds {fault}; the run crate was not written$"):
        refuse_private({"results/a.csv": f"value,1\n{text}\n".encode()}, names, raw, PUBLIC)


def test_what_says_nothing_of_a_machine_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "root")  # a word of the code
    text = b"#!/usr/bin/env python\nroot, <a href='https://example.org/tmp/x'>, 3/4, </div>, results/tmp/x, phantom"
    refuse_private({"a": text}, machine_names({"data": {"one": "phantom"}}), {}, PUBLIC)


def test_neutral_names_stand_for_raw_files_wherever_they_stand_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(MANIFEST)
    raw = raw_names([str(tmp_path / "manifest.csv")], PUBLIC)
    page = b"Videos/Smith_John 1950.avi; Smith_John 1950, Smith_John 19501; FileList.csv; 7; 7.png; 0.7"
    one = b"case-aaaaaaaaaaaa"
    neutral = b"Videos/%b.avi; %b, Smith_John 19501; FileList.csv; 7; case-cccccccccccc.png; 0.7" % (one, one)
    assert without_raw_names({"page": page}, raw) == {"page": neutral}
