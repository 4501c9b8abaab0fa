"""The conda environments compared with the imports of their steps and with the lock file.

The tests may have no conda channel, so they solve nothing.
"""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from reprise.engine.fingerprint import import_closure
from workflow_rules import CODE, ROOT, STUDIES, job_rules, step_of

ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
CONDA_NAMES = {
    "torch": "pytorch",
    "segmentation_models_pytorch": "segmentation-models-pytorch",
    "opencv-python-headless": "py-opencv",
    "matplotlib": "matplotlib-base",
    "snakemake": "snakemake-minimal",
    "rpy2-rinterface": "rpy2",
    "rpy2-robjects": "rpy2",
}
# What an import needs beside it without naming it: decoders that pydicom finds by itself, the R below rpy2.
COMPANIONS = {
    "pydicom": {"pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg"},
    "rpy2": {"r-base"},
    "torch.utils.tensorboard": {"tensorboard"},
}
NOT_LOCKED = {"python", "r-base"}
R_ITSELF = {"base", "stats", "utils", "methods", "graphics", "grDevices", "tools", "parallel", "grid"}
DISTRIBUTIONS = packages_distributions()


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


def needed(steps: set[str]) -> set[str]:
    """Names of the conda packages that steps need."""
    files = {file for step in steps for file in import_closure(CODE / step) if file.suffix == ".py"}
    own = {file.stem for file in files} | {folder.name for folder in CODE.iterdir()}
    packages = set()
    for module in {module for file in files for module in imported(file)}:
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or top in own:
            continue
        packages |= {name.lower() for name in DISTRIBUTIONS.get(top, [top])} | COMPANIONS.get(module, set())
    return {CONDA_NAMES.get(package, package) for package in packages}


def provided(environment: Path) -> dict[str, str]:
    """Version by name of an environment's packages."""
    content = yaml.safe_load(environment.read_text())
    assert content["channels"] in (["conda-forge", "nodefaults"], ["conda-forge", "bioconda", "nodefaults"])
    return dict(re.fullmatch(r"([\w-]+) >?=([\w.]+)", line).groups() for line in content["dependencies"])


def locked() -> dict[str, str]:
    lines = re.findall(r"^([\w-]+==[^\\\n]+)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)
    found = [Requirement(line) for line in lines]
    return {
        CONDA_NAMES.get(each.name, each.name): str(each.specifier).removeprefix("==")
        for each in found
        if each.name not in ("rpy2-rinterface", "rpy2-robjects") and (not each.marker or each.marker.evaluate())
    }


def test_every_environment_is_used() -> None:
    assert {Path(str(rule.conda_env)).name for rule in job_rules(*STUDIES)} == {file.name for file in ENVIRONMENTS}


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_environment_holds_what_its_steps_import_and_no_more(environment: Path) -> None:
    assert provided(environment).keys() - {"python"} == needed(steps_of(environment))


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_versions_are_those_of_the_lock_file(environment: Path) -> None:
    lock = locked()
    versions = {name: version for name, version in provided(environment).items() if name not in NOT_LOCKED}
    # PyPI's OpenCV has a fourth number of its own.
    assert {name: v for name, v in versions.items() if not f"{lock.get(name)}.".startswith(f"{v}.")} == {}
    assert provided(environment)["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"


def test_r_scripts_need_nothing_but_r_itself() -> None:
    for script in CODE.rglob("*.R"):
        used = re.findall(r"\b(?:library|require|requireNamespace)\(\s*[\"']?([\w.]+)|\b([\w.]+)::", script.read_text())
        assert {name for names in used for name in names if name} <= R_ITSELF, script
