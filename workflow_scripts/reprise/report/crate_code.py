"""The code of a run, as a run crate holds it: its files, their commit, and how they differ from it."""

import subprocess
from pathlib import Path
from typing import NamedTuple

from reprise.engine.folders import files_below

# All that decides what a run does, but config.yaml, which names folders of the user.
CODE = [
    *("Snakefile", "rules", "workflow_scripts", "config", "envs", "profiles", "slurm", "sge"),
    *("requirements.lock", "pyproject.toml", "LICENSE", "CITATION.cff"),
]


class Code(NamedTuple):
    """Files by path, the commit (empty outside a clone), the difference from it, and the text of what is committed."""

    files: dict[str, bytes]
    commit: str
    difference: str
    committed: bytes


def code_of_run() -> Code:
    """The code in the working directory. Outside a clone all of it counts as committed."""
    paths = [path for name in CODE if Path(name).exists() for path in files_below(Path(name))]
    files = {path.as_posix(): path.read_bytes() for path in paths if "__pycache__" not in path.parts}
    known = [name for name in CODE if _git("ls-files", "--", name)]
    if not known or not (commit := _git("rev-parse", "HEAD").decode().strip()):
        return Code(files, "", "", b"\n".join(files.values()))
    difference = _git("diff", "--no-ext-diff", "--no-color", "HEAD", "--", *CODE).decode(errors="replace")
    committed = _git("archive", "--format=tar", "HEAD", *[name for name in CODE if _git("ls-tree", "HEAD", name)])
    return Code(files, commit, difference, committed)


def _git(*words: str) -> bytes:
    """What Git prints of the working directory; nothing outside a clone, or without Git."""
    try:
        return subprocess.run(["git", *words], capture_output=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return b""
