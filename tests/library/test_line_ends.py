"""A clone with Windows line ends switched on gets the project's files as they are."""

import shutil
import subprocess
from pathlib import Path

from project import ROOT

FILES = (
    "tools/setup.sh",
    "Makefile",
    "Snakefile",
    "workflow_scripts/echonet/analysis/beat_by_beat.R",
    "docs/report.png",
)


def git(folder: Path, *words: object) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.autocrlf=true", "-c", "core.eol=crlf")
    subprocess.run(["git", *who, *map(str, words)], cwd=folder, check=True, capture_output=True)


def test_git_changes_no_line_end(tmp_path: Path) -> None:
    for name in (".gitattributes", *FILES):
        (tmp_path / "from" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "from" / name)
    git(tmp_path / "from", "init")
    git(tmp_path / "from", "add", ".")
    git(tmp_path / "from", "commit", "-m", "all")
    git(tmp_path, "clone", "from", "to")
    for name in FILES:
        assert (tmp_path / "to" / name).read_bytes() == (ROOT / name).read_bytes(), name
