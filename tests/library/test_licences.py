"""The page of licences names every package that the project asks for, and all that are under the GPL."""

import re
import tomllib
from importlib.metadata import metadata

from packaging.requirements import Requirement

from project import ROOT

PAGE = (ROOT / "docs" / "licences.md").read_text()


def test_every_package_has_its_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    rows = {name: row for row in re.findall(r"^\| (.*) \|$", PAGE, re.M) for name in re.findall(r"[\w-]+", row)}
    missing = {name for text in asked if (name := Requirement(text).name) not in rows}
    assert not missing
    for name in (Requirement(text).name for text in project["project"]["dependencies"]):
        about = metadata(name)
        licence = " ".join(
            [about.get("License-Expression") or about.get("License") or "", *about.get_all("Classifier", [])]
        )
        assert ("GPL" in rows[name].partition(";")[0]) == bool(re.match(r"GPL|.*:: GNU General Public", licence)), name
