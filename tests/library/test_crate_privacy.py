"""The run crate's last look: planted names of persons, machines and folders."""

import subprocess
from pathlib import Path

import pytest

from reprise.report.crate_code import code_of_run
from reprise.report.crate_privacy import machine_names, refuse_private
from reprise.report.crate_raw_names import raw_names, without_raw_names
from reprise.report.page import breakable
from reprise.step.errors import InputError

PUBLIC = b"#!/usr/bin/env python\nroot = Path('FileList.csv') # planning Videos"
CONFIG = {
    "data": {"one": "/data/Smith_John/echo", "two": "phantom"},
    "weights": {"net": "../Miller/net.pth"},
    "seed": 0,
}
LONG = "1.2.840.113619.2.55.3.604688119.969"
MANIFEST = (
    f"path,sha256\nVideos/Smith_John 1950.avi,{64 * 'a'}\nFileList.csv,{64 * 'b'}\n7.png,{64 * 'c'}\n"
    f"Videos/{LONG}.nii.gz,{64 * 'd'}\nVideos/O'Brien.avi,{64 * 'e'}\nVideos/ann.avi,{64 * 'f'}\n"
)
FINDINGS = (
    'severity,file,where,finding\nnote,Roe/Roe_Ann.avi,,"no row names it"\nnote,3 files,,"not read"\n'
    "note,FileList.csv,Doe_Jane frame 3,x\nnote,FileList.csv,row 2,x\n"
)


@pytest.fixture
def raw(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "manifest.csv").write_text(MANIFEST)
    (tmp_path / "findings.csv").write_text(FINDINGS)
    return raw_names([str(tmp_path / "manifest.csv")], PUBLIC)


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
        ("log=/tmp/run.log", "an absolute path"),
        ("log:/tmp/<wbr>run.log", "an absolute path"),
        ("<td>Smith_John 1950</td>", "the name of a raw file"),
        (f"<td>{breakable(f'({LONG})')}</td>", "the name of a raw file"),
        (breakable("O'Brien"), "the name of a raw file"),
        ('{"a": "ann"}', "the name of a raw file"),
        ("Roe_Ann.avi", "the name of a raw file"),
        ("Doe_Jane", "the name of a raw file"),
    ],
)
def test_a_planted_name_is_refused_in_one_line(
    text: str, fault: str, raw: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.node", lambda: "host-17.example.org")
    monkeypatch.setenv("LOGNAME", "jdoe")
    monkeypatch.setenv("HOME", "/users/jdoe")
    names = machine_names(CONFIG)
    with pytest.raises(InputError, match=rf"^results/a.csv: holds {fault}; the run crate was not written$"):
        refuse_private({"results/a.csv": f"value,1\n{text}\n".encode()}, names, raw, PUBLIC)


def test_what_says_nothing_of_a_machine_passes(raw: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "root")  # a word of the code
    text = b"#!/usr/bin/env python\nroot, <a href='https://example.org/tmp/x'>, 3/4, </div>, results/tmp/x, phantom"
    text += b", planning, 3 files, row 2, FileList.csv, Videos"
    refuse_private({"a": text}, machine_names({"data": {"one": "phantom"}}), raw, PUBLIC)


def test_neutral_names_stand_for_raw_files_wherever_they_stand_as_a_whole(raw: dict[str, str]) -> None:
    page = b"Videos/Smith_John 1950.avi; Smith_John 1950, Smith_John 19501; FileList.csv; 7; 7.png; 0.7; planning ann"
    neutral = b"Videos/%b.avi; %b, Smith_John 19501; FileList.csv; 7; %b.png; 0.7; planning %b"
    one, two, three = (b"case-" + 12 * digit for digit in (b"a", b"c", b"f"))
    assert without_raw_names({"page": page}, raw) == {"page": neutral % (one, one, two, three)}


def test_names_as_a_page_writes_them_are_replaced(raw: dict[str, str]) -> None:
    texts = [f"{LONG}.nii.gz", LONG, f"({LONG})", "O'Brien", "Roe/Roe_Ann.avi", "Doe_Jane frame 3"]
    page = " ".join(map(breakable, texts)).encode()
    found = without_raw_names({"page": page}, raw)["page"].replace(b"<wbr>", b"").decode()
    one, two = (f"case-{12 * digit}" for digit in "de")
    assert found == f"{one}.nii.gz {one} ({one}) {two} other-1/other-2.avi other-3 frame 3"


def test_what_a_user_wrote_into_profiles_is_not_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for folder in ("slurm", "config", "rules"):
        (tmp_path / folder).mkdir()
    profile = tmp_path / "slurm/profile.yaml"
    profile.write_text("jobs: 32\n")
    (tmp_path / "config/a.yaml").write_text("name: doe\n")
    (tmp_path / "rules/a.smk").write_text("rule a:\n")
    outside = code_of_run()
    assert outside.commit == "" and "slurm/profile.yaml" not in outside.files
    assert b"rule a" in outside.committed and b"doe" not in outside.committed
    for words in ("init -q", "add .", "-c user.name=A -c user.email=a@example.org commit -qm all"):
        subprocess.run(["git", *words.split()], check=True)
    profile.write_text("jobs: 32\nslurm_account: smithlab\n")
    inside = code_of_run()
    assert len(inside.commit) == 40 and inside.files["slurm/profile.yaml"] == b"jobs: 32\n"
    assert inside.difference == "" and b"doe" in inside.committed
