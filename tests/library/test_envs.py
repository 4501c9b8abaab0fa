"""The conda environments compared with the imports of their steps and with the lock file.

The tests may have no conda channel, so they solve nothing. A stand-in makes the environments.
"""

import ast
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from project import BEFORE_TESTS
from reprise.engine.fingerprint import import_closure
from reprise.report.environments import CONDA_NAMES
from stand_in_conda import create
from workflow_rules import CODE, ROOT, STUDIES, job_rules, step_of

ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
# Several distributions of PyPI that are one package of conda.
PARTS = {"mlflow-tracing": "mlflow-skinny", "rpy2-rinterface": "rpy2", "rpy2-robjects": "rpy2"}
# What an import needs beside it without naming it: decoders that pydicom finds by itself, the R below rpy2, and what
# MLflow's database needs. All of MLflow has this, but all of MLflow before 3.16 does not take pandas 3.
COMPANIONS = {
    "mlflow.store.tracking.sqlalchemy_store": {"alembic", "sqlalchemy"},
    "pydicom": {"pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg"},
    "rpy2": {"r-base"},
    "torch.utils.tensorboard": {"tensorboard"},
}
R_ITSELF = {"base", "stats", "utils", "methods", "graphics", "grDevices", "tools", "parallel", "grid"}
DISTRIBUTIONS = packages_distributions()
# A name is a module, or what a module has.
IMPORTS = """
import importlib, sys
for name in sys.argv[1:]:
    above, _, last = name.rpartition(".")
    if not above or not hasattr(importlib.import_module(above), last):
        importlib.import_module(name)
"""


def steps_of(environment: Path) -> set[str]:
    return {step_of(rule) for rule in job_rules(*STUDIES) if Path(str(rule.conda_env)).name == environment.name}


def imported(path: Path) -> Iterator[str]:
    """Dotted names of all modules that a file imports, at its top or later, or runs as a command."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.List) and "snakemake" in [getattr(word, "value", None) for word in node.elts]:
            yield "snakemake"


def imported_from_elsewhere(steps: set[str]) -> set[str]:
    """Dotted names that steps import and that are neither the project's nor Python's."""
    files = {file for step in steps for file in import_closure(CODE / step) if file.suffix == ".py"}
    own = {file.stem for file in files} | {folder.name for folder in CODE.iterdir()}
    names = {name for file in files for name in imported(file)}
    return {name for name in names if name.partition(".")[0] not in {*sys.stdlib_module_names, *own}}


def needed(steps: set[str]) -> set[str]:
    """Names of the conda packages that steps need."""
    packages = set()
    for module in imported_from_elsewhere(steps):
        top = module.partition(".")[0]
        packages |= {*DISTRIBUTIONS.get(top, [top])} | COMPANIONS.get(module, set())
    return {conda_name(package) for package in packages}


def conda_name(package: str) -> str:
    name = canonicalize_name(package)
    return PARTS.get(name, CONDA_NAMES.get(name, name))


def provided(environment: Path) -> dict[str, SpecifierSet]:
    """Range by name of an environment's packages."""
    content = yaml.safe_load(environment.read_text())
    assert content["channels"] in (["conda-forge", "nodefaults"], ["conda-forge", "bioconda", "nodefaults"])
    parts = [re.fullmatch(r"([\w-]+) (>=[\d.]+,<[\d.]+|=[\d.]+)", line).groups() for line in content["dependencies"]]
    return {name: SpecifierSet(text if text[0] == ">" else f"={text}.*") for name, text in parts}


def locked() -> dict[str, str]:
    """Version by name of the locked packages, by the names of conda."""
    lines = re.findall(r"^([\w-]+==[^\\\n]+)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)
    found = [Requirement(line) for line in lines]
    here = [each for each in found if each.name not in PARTS and (not each.marker or each.marker.evaluate())]
    return {conda_name(each.name): str(each.specifier).removeprefix("==") for each in here}


def test_every_environment_is_used() -> None:
    assert {Path(str(rule.conda_env)).name for rule in job_rules(*STUDIES)} == {file.name for file in ENVIRONMENTS}


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_environment_holds_what_its_steps_import_and_no_more(environment: Path) -> None:
    assert provided(environment).keys() - {"python"} == needed(steps_of(environment))


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_all_that_steps_import_is_there_with_nothing_but_the_packages_of_the_file(
    environment: Path, tmp_path: Path
) -> None:
    create(environment, tmp_path / "made")
    names = sorted(imported_from_elsewhere(steps_of(environment)))
    python = tmp_path / "made/bin/python"
    run = {"capture_output": True, "text": True, "env": BEFORE_TESTS | {"OMP_NUM_THREADS": "1"}}
    done = subprocess.run([python, "-P", "-c", IMPORTS, *names], check=False, **run)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_ranges_admit_the_locked_versions(environment: Path) -> None:
    versions = locked() | {"python": platform.python_version(), "r-base": "4.2"}
    refused = {name: versions[name] for name, range_ in provided(environment).items() if versions[name] not in range_}
    assert refused == {}


def test_a_package_has_the_same_range_in_each_environment() -> None:
    ranges = {(name, range_) for environment in ENVIRONMENTS for name, range_ in provided(environment).items()}
    assert len(ranges) == len({name for name, _ in ranges})
    assert {name for name, range_ in ranges if len(range_) == 1} == {"python"}, "a solver needs room"


def test_r_scripts_need_nothing_but_r_itself() -> None:
    for script in CODE.rglob("*.R"):
        used = re.findall(r"\b(?:library|require|requireNamespace)\(\s*[\"']?([\w.]+)|\b([\w.]+)::", script.read_text())
        assert {name for names in used for name in names if name} <= R_ITSELF, script
