"""What code needs besides Python's own library: packages by the names under which they are installed."""

import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path

from reprise.engine.definitions import read_source

ALWAYS = ("monai", "numpy", "torch")
# Packages that another one finds by itself, to read pixels in compressed forms.
PLUGINS = {"pydicom": ("pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg")}


def required_packages(files: Iterable[Path], own: Iterable[str]) -> dict[str, str]:
    """The version here of each package that some files import, without what follows `+`, by package.

    Args:
        files: source files.
        own: the project's own top-level modules.
    """
    imported = {name.lstrip(".").split(".")[0] for file in files if file.suffix == ".py" for name in _imports(file)}
    outside = (imported | {*ALWAYS}) - {*own} - sys.stdlib_module_names
    names = {_distributions()[name][0] for name in outside}
    names |= {plugin for name in names for plugin in PLUGINS.get(name, ())}
    return {name: version(name).split("+")[0] for name in sorted(names, key=str.lower)}


def _imports(file: Path) -> set[str]:
    return read_source(file).imports


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())
