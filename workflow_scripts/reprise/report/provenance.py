"""Where a result comes from: code, versions, machine, data, and the cost of each step. No person or host is named."""

import hashlib
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath
from typing import Any

import pandas as pd

from reprise.report.environments import chosen_versions, shown_version
from reprise.step.errors import InputError
from reprise.step.tables import read_table

ROOT = Path(__file__).resolve().parents[3]
_DIRECT = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\]+)((?:(?!^\S).|\n(?!\S))*)", re.MULTILINE)
_PATH_LIKE = re.compile(r"^(~|/|[A-Za-z]:[\\/]|\\\\)")


def software(lock: str | Path) -> pd.DataFrame:
    """Versions of Python, R and each direct dependency: the locked one, and the one found.

    With `--sdm conda` these are found in the environments of the steps, otherwise in that of the report.

    Args:
        lock: a pip requirements file. Its comments name, after `via`, the packages that need each one. If it has
            several releases of a package, for several platforms, the one that was found is shown.

    Raises:
        InputError: the lock cannot be read.
    """
    try:
        text = Path(lock).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{lock}: not readable: {error.strerror}") from error
    locked: dict[str, list[str]] = {}
    for name, release, comments in _DIRECT.findall(text):
        if "(pyproject.toml)" in comments:
            locked.setdefault(name, []).append(release)
    chosen = chosen_versions()
    rows = []
    for name, releases in {"Python": [""], "R": [""], **locked}.items():
        found = shown_version(name, chosen) if chosen else _installed(name)
        rows.append((name, found if found in releases else ", ".join(releases), found))
    return pd.DataFrame(rows, columns=["software", "locked", "found"])


def code(root: Path = ROOT) -> list[tuple[str, str]]:
    """The commit of the code, and whether files differ from it."""
    commit = _output(["git", "-C", str(root), "rev-parse", "HEAD"])
    if not commit:
        return [("Commit", "unknown: not run from a Git clone")]
    changed = len(_output(["git", "-C", str(root), "status", "--porcelain"]).splitlines())
    state = "clean: the code is the commit's" if changed == 0 else f"{changed} changed or untracked files"
    return [("Commit", commit), ("Working tree", state)]


def hardware() -> list[tuple[str, str]]:
    """The machine that wrote the report: processor, cores, memory, accelerator, operating system."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    return [
        ("Processor", _processor()),
        ("Cores", f"{len(os.sched_getaffinity(0))} usable of {os.cpu_count()}"),
        ("Memory", f"{memory:.1f} GiB"),
        ("Graphics processor", "; ".join(_output(query).splitlines()) or "none"),
        ("Operating system", _operating_system()),
    ]


def data_hashes(manifests: Mapping[str, Path]) -> pd.DataFrame:
    """For each study the number and size of its raw files, and the SHA-256 of the manifest, which has each file's hash.

    Raises:
        InputError: a manifest cannot be read or has no column `bytes`.
    """
    rows = []
    for study, path in manifests.items():
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: not readable: {error.strerror}") from error
        size = read_table(path, {"bytes": int})["bytes"]
        rows.append((study, len(size), size_text(float(size.sum())), hashlib.sha256(content).hexdigest()))
    return pd.DataFrame(rows, columns=["study", "files", "size", "SHA-256 of the manifest"])


def costs(jobs: pd.DataFrame, rules: Sequence[str]) -> pd.DataFrame:
    """Seconds and peak memory by rule, from the benchmark files that Snakemake wrote.

    Args:
        jobs: columns rule and benchmark (the file of each job). A job without its file does not count.
        rules: the rules to look for, in the order of the result. Rules without a file are left out.

    Returns:
        Columns rule, jobs, seconds (of all jobs), longest_seconds, peak_mib (of any job), cores (mean in use).

    Raises:
        InputError: a benchmark file cannot be read.
    """
    files: dict[str, list[Path]] = {}
    for rule, file in zip(jobs["rule"], map(Path, jobs["benchmark"]), strict=True):
        if file.is_file():
            files.setdefault(rule, []).append(file)
    rows = []
    for rule in [rule for rule in rules if rule in files]:
        runs = pd.concat([_benchmark(file) for file in files[rule]])
        cores = runs["cpu_time"].sum() / max(runs["s"].sum(), 0.01)
        rows.append((rule, len(runs), runs["s"].sum(), runs["s"].max(), runs["max_rss"].max(), cores))
    return pd.DataFrame(rows, columns=["rule", "jobs", "seconds", "longest_seconds", "peak_mib", "cores"])


def without_paths(value: Any) -> Any:
    """A configuration without the paths outside the project, because such a path may name a person or a machine."""
    if isinstance(value, Mapping):
        return {key: without_paths(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(part) for part in value]
    if isinstance(value, str) and (_PATH_LIKE.match(value) or ".." in PurePath(value).parts):
        inside = Path(value).is_absolute() and Path(value).is_relative_to(Path.cwd())
        return display_path(Path(value)) if inside else "(a path outside the project)"
    return value


def display_path(path: Path) -> str:
    """The path of a file relative to the project. A file outside the project is shown by its name only."""
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd()).as_posix()
    return path.name if path.is_absolute() or ".." in path.parts else path.as_posix()


def size_text(size: float) -> str:
    """A size in bytes, as text with a unit that suits it."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def _benchmark(file: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(file, sep="\t", na_values=["-", "NA"])
        return table[["s", "max_rss", "cpu_time"]].astype(float)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{file}: no readable benchmark: {error}") from error


def _installed(name: str) -> str:
    if name == "Python":
        return platform.python_version()
    if name == "R":
        return _first_match(["R", "--version"], r"R version (\S+)")
    try:
        return version(name)
    except PackageNotFoundError:
        return "not in the report's environment"


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def _operating_system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _first_match(command: list[str], pattern: str) -> str:
    found = re.search(pattern, _output(command))
    return found[1] if found else "not found"


def _output(command: list[str]) -> str:
    """What a program prints. Nothing if the program is missing or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
