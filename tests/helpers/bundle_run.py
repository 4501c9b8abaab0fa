"""Runs a bundle with MONAI where Reprise is not: in a Python that has the packages of the bundle's metadata alone."""

import json
import os
import subprocess
from pathlib import Path

from packaging.utils import canonicalize_name

from stand_in_conda import closure, installed_packages, make_python

LIBRARIES = {"monai": "monai_version", "torch": "pytorch_version", "numpy": "numpy_version"}
COMMAND_LINE = "fire"  # by which MONAI reads its command line


def metadata_of(bundle: Path) -> dict:
    return json.loads((bundle / "configs/metadata.json").read_text())


def environment_of(bundle: Path, prefix: Path) -> Path:
    """An environment of the packages that a bundle says it needs, and what these need; returns its Python."""
    installed = installed_packages()
    metadata = metadata_of(bundle)
    stated = metadata["required_packages_version"] | {name: metadata[key] for name, key in LIBRARIES.items()}
    for name, version in stated.items():
        assert installed[canonicalize_name(name)].version.split("+")[0] == version
    needed = closure([canonicalize_name(name) for name in [*stated, COMMAND_LINE]], installed)
    return make_python(prefix, needed, installed)


def run_bundle(python: Path, bundle: Path, data: Path, output: Path) -> subprocess.CompletedProcess[str]:
    """Type MONAI's command in the folder of the bundle."""
    options = {"config_file": "configs/inference.json", "dataset_dir": str(data), "output_dir": str(output)}
    options["device"] = "$torch.device('cpu')"
    typed = [word for name, value in options.items() for word in (f"--{name}", value)]
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    environment = {"PATH": f"{python.parent}:/usr/bin:/bin", "OMP_NUM_THREADS": "1", "PYTHONNOUSERSITE": "1"} | kept
    command = [str(python), "-m", "monai.bundle", "run", *typed]
    return subprocess.run(command, cwd=bundle, env=environment, capture_output=True, text=True, check=False)
