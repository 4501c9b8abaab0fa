"""The environments of conda that the steps of a run have, and the versions that conda chose for them."""

import sys
from collections.abc import Mapping
from pathlib import Path

ENVIRONMENT_FILES = Path(__file__).resolve().parents[3] / "envs"
# The names of conda's packages that are not those of PyPI.
CONDA_NAMES = {
    "Python": "python",
    "R": "r-base",
    "matplotlib": "matplotlib-base",
    "mlflow": "mlflow-skinny",
    "opencv-python-headless": "py-opencv",
    "snakemake": "snakemake-minimal",
    "torch": "pytorch",
}

Versions = Mapping[str, str]  # by the package's name in conda


def chosen_versions(
    folder: Path = Path(sys.prefix).parent, files: Path = ENVIRONMENT_FILES
) -> dict[str, dict[str, str]]:
    """For each environment of the project the version of each of its packages. Empty without `--sdm conda`.

    Args:
        folder: where Snakemake makes environments; it puts a copy of each one's file beside it.
        files: the project's descriptions of environments. What was made of an older one does not count.
    """
    names = {file.read_bytes(): file.stem for file in files.glob("*.yaml")}
    made = {names.get(copy.read_bytes(), ""): copy.with_suffix("") for copy in folder.glob("*.yaml")}
    return {name: _versions(environment) for name, environment in sorted(made.items()) if name}


def shown_version(package: str, chosen: Mapping[str, Versions]) -> str:
    """The version of a package, by its name in PyPI; where environments differ, that of each."""
    name = CONDA_NAMES.get(package, package)
    found = {environment: versions[name] for environment, versions in chosen.items() if name in versions}
    if len(set(found.values())) > 1:
        return ", ".join(f"{version} ({environment})" for environment, version in found.items())
    return next(iter(found.values()), "in no environment of a step")


def _versions(environment: Path) -> dict[str, str]:
    """Conda keeps a file NAME-VERSION-BUILD.json for each package that it installed."""
    parts = [file.stem.rsplit("-", 2) for file in (environment / "conda-meta").glob("*.json")]
    return {name: version for name, version, _ in parts}
