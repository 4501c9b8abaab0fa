"""The code of a run, as a run crate holds it: its files, their commit, and how they differ from it."""

import io
import subprocess
import tarfile
from pathlib import Path
from typing import NamedTuple

from reprise.engine.folders import files_below

# All that decides what a run does, but config.yaml, which names folders of the user.
CODE = [
    *("Snakefile", "rules", "workflow_scripts", "config", "envs"),
    *("requirements.lock", "pyproject.toml", "LICENSE", "CITATION.cff"),
]
# Where a user writes accounts and partitions of a site, which change no result; as committed they are public.
SITE = ["profiles", "slurm", "sge"]
OWN = "config/"  # what a user may have changed, if no commit says otherwise


class Code(NamedTuple):
    """Files by path, the commit (empty outside a clone), the difference from it, and the text of what is committed."""

    files: dict[str, bytes]
    commit: str
    difference: str
    committed: bytes


def code_of_run() -> Code:
    """The code in the working directory; profiles as committed.

    Outside a clone there are no profiles, and all of the code but `config/` counts as committed.
    """
    paths = [path for name in CODE if Path(name).exists() for path in files_below(Path(name))]
    files = {path.as_posix(): path.read_bytes() for path in paths if "__pycache__" not in path.parts}
    known = _git("ls-tree", "--name-only", "HEAD", *CODE, *SITE).decode().splitlines()
    archive = _git("archive", "--format=tar", "HEAD", *known) if known else b""
    if not archive:
        return Code(files, "", "", b"\n".join(text for name, text in files.items() if not name.startswith(OWN)))
    commit = _git("rev-parse", "HEAD").decode().strip()
    difference = _git("diff", "--no-ext-diff", "--no-color", "HEAD", "--", *CODE).decode(errors="replace")
    committed = _unpacked(archive)
    files |= {name: text for name, text in committed.items() if name.split("/")[0] in SITE}
    return Code(files, commit, difference, b"\n".join(committed.values()))


def _unpacked(archive: bytes) -> dict[str, bytes]:
    """The files of a tar archive by path."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        members = [(member.name, opened.extractfile(member)) for member in opened if member.isfile()]
        return {name: stream.read() for name, stream in members if stream}


def _git(*words: str) -> bytes:
    """What Git prints of the working directory; nothing outside a clone, or without Git."""
    try:
        return subprocess.run(["git", *words], capture_output=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return b""
