"""A stand-in for conda, because the tests reach no channel. It answers what Snakemake asks.

It makes environments of links into the Python that runs the tests: the packages that a file names, what these need,
and nothing else. So a package that a file lacks is missing in the environment, too. It solves nothing: each version
is the installed one.
"""

import json
import platform
import shlex
import shutil
import subprocess
import sys
from collections import defaultdict
from importlib.metadata import Distribution, distributions
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from reprise.report.environments import CONDA_NAMES

SITE_PACKAGES = Path(yaml.__file__).parents[1]
PYPI_NAMES = {conda: pypi for pypi, conda in CONDA_NAMES.items() if conda != "mlflow-skinny"}
ACTIVATE = 'export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n'


def install(folder: Path) -> Path:
    """Make the programs `conda` and `activate`; returns the folder to put on PATH."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    library = Path(__file__).resolve().parents[2] / "workflow_scripts"
    words = ["env", f"PYTHONPATH={library}", sys.executable, __file__, str(folder)]
    (programs / "conda").write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    (programs / "conda").chmod(0o755)
    (programs / "activate").write_text(ACTIVATE)
    return programs


def create(file: Path, prefix: Path) -> None:
    """Make the environment that a file describes."""
    lines = yaml.safe_load(file.read_text())["dependencies"]
    asked = [canonicalize_name(PYPI_NAMES.get(name, name)) for name in (line.split()[0] for line in lines)]
    installed = installed_packages()
    needed = closure([name for name in asked if name not in ("python", "r")], installed)
    make_python(prefix, needed, installed)
    versions = {name: installed[name].version for name in needed} | {"Python": platform.python_version()}
    if "r" in asked:
        (prefix / "bin/R").symlink_to(str(shutil.which("R")))
        versions["R"] = r_version()
    (prefix / "conda-meta").mkdir()
    for name, version in versions.items():
        (prefix / "conda-meta" / f"{CONDA_NAMES.get(name, name)}-{version}-0.json").write_text("{}")


def r_version() -> str:
    printed = subprocess.run(["R", "--version"], capture_output=True, text=True, check=True).stdout
    return printed.split()[2]


def installed_packages() -> dict[str, Distribution]:
    """The distributions that the Python of the tests has, by name; not the copies that setuptools adds to its path."""
    return {canonicalize_name(each.metadata["Name"]): each for each in distributions(path=[str(SITE_PACKAGES)])}


def closure(names: list[str], installed: dict[str, Distribution]) -> set[str]:
    """The distributions that some need, with themselves."""
    found, waiting = set(), [*names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            needs = [Requirement(line) for line in installed[name].requires or []]
            fitting = [need for need in needs if not need.marker or need.marker.evaluate({"extra": ""})]
            waiting += [canonicalize_name(need.name) for need in fitting]
    return found


def make_python(prefix: Path, names: set[str], installed: dict[str, Distribution]) -> Path:
    """Make an environment of these distributions and nothing else; returns its Python."""
    python = Path(sys.executable).resolve()
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin/python").symlink_to(python)
    (prefix / "pyvenv.cfg").write_text(f"home = {python.parent}\ninclude-system-site-packages = false\n")
    link_packages(names, installed, prefix / "lib" / python.name / "site-packages")
    return prefix / "bin/python"


def link_packages(names: set[str], installed: dict[str, Distribution], target: Path) -> None:
    """Link what distributions have installed: whole folders where no other distribution has files in them."""
    owners = defaultdict(set)
    files = {name: [file for file in installed[name].files or [] if file.parts[0] != ".."] for name in installed}
    for name, paths in files.items():
        for path in paths:
            owners[path.parts[0]].add(name)
    target.mkdir(parents=True)
    for path in {path for name in names for path in files[name]}:
        place = Path(path.parts[0]) if owners[path.parts[0]] <= names else Path(path)
        if not (target / place).exists():
            (target / place).parent.mkdir(parents=True, exist_ok=True)
            (target / place).symlink_to(SITE_PACKAGES / place)


def answer(folder: Path, words: list[str]) -> str:
    """What `conda WORDS` prints."""
    if words[:2] == ["env", "create"]:
        create(Path(words[words.index("--file") + 1]), Path(words[words.index("--prefix") + 1]))
        return ""
    answers = {
        "info --json": json.dumps({"conda_prefix": str(folder), "platform": "linux-64"}),
        "--version": "conda 25.1.0",
        "clean -y --tarballs": "",
        "config --get channel_priority --json": json.dumps({"get": {"channel_priority": "strict"}}),
    }
    return answers[" ".join(words)]


if __name__ == "__main__":
    print(answer(Path(sys.argv[1]), sys.argv[2:]))
