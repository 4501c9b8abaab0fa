"""What an open project has beside its code: hooks, a workflow of tests, forms for issues, a changelog."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from project import environment

ROOT = Path(__file__).resolve().parents[2]
FORMS = sorted(path for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
# Keys that GitHub knows: of a form, and of each kind of field its attributes.
FORM_KEYS = {"name", "description", "title", "labels", "assignees", "projects", "type", "body"}
ATTRIBUTES = {
    "markdown": {"value"},
    "input": {"label", "description", "placeholder", "value"},
    "textarea": {"label", "description", "placeholder", "value", "render"},
}
CHANGES = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]


def loaded(name: str) -> dict[Any, Any]:
    return yaml.safe_load((ROOT / name).read_text())


def test_hooks_are_what_pre_commit_takes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-config", ROOT / ".pre-commit-config.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    (local,) = loaded(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local" and {hook["language"] for hook in local["hooks"]} == {"system"}
    assert {hook["pass_filenames"] for hook in local["hooks"]} == {False}, "the tests give the commands no names"


def test_the_workflow_runs_the_two_commands_and_may_write_nothing() -> None:
    workflow = loaded(".github/workflows/test.yml")
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert "permissions" not in job
    two = re.search(r"```sh\nmake (\w+) .*\nmake (\w+) ", (ROOT / "README.md").read_text())
    assert two and [*two.groups()] == job["strategy"]["matrix"]["command"]
    runs = [step["run"] for step in job["steps"] if "run" in step]
    assert runs[-1] == "make ${{ matrix.command }}"
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert used and all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action) for action in used), "a tag can be moved"


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_forms_are_what_github_takes_and_ask_for_the_log_and_make_why(form: Path) -> None:
    content = yaml.safe_load(form.read_text())
    assert {"name", "description", "body"} <= content.keys() <= FORM_KEYS
    fields = [field for field in content["body"] if field["type"] != "markdown"]
    for field in content["body"]:
        assert field["attributes"].keys() <= ATTRIBUTES[field["type"]]
        assert field.keys() <= {"type", "id", "attributes", "validations"}
    for names in ([field["id"] for field in fields], [field["attributes"]["label"] for field in fields]):
        assert len(names) == len(set(names))
    required = {field["id"]: field["attributes"] for field in fields if field.get("validations") == {"required": True}}
    assert "`results/logs/`" in required["log"]["description"] and "`make why`" in required["why"]["label"]


def test_the_catalogue_knows_how_the_workflow_is_used() -> None:
    catalogue = loaded(".snakemake-workflow-catalog.yml")
    assert catalogue.keys() == {"usage"}
    usage = catalogue["usage"]
    assert usage.keys() == {"mandatory-flags", "software-stack-deployment"}
    assert usage["mandatory-flags"]["flags"] == [] and usage["mandatory-flags"]["desc"]
    deployment = {"conda": True, "apptainer": False, "apptainer+conda": False, "report": False}
    assert usage["software-stack-deployment"] == deployment
    named = re.findall(r"`([\w./<>]+\.(?:yaml|tsv))`", (ROOT / "config/README.md").read_text())
    folder = {path.name for path in (ROOT / "config").iterdir()} - {"README.md"}
    studies = loaded("config.yaml")["studies"]
    known = {name.replace("<study>", study) for name in named for study in studies}
    assert folder <= known, "config/README.md names each file beside it"


def test_the_changelog_has_this_version_and_known_kinds_of_changes() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = loaded("CITATION.cff")
    assert citation["version"] == project["version"]
    assert f"\n## [{project['version']}] - {citation['date-released']}\n" in text
    versions = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert versions[0].startswith("[Unreleased]\n")
    for version in versions:
        kinds = re.findall(r"^### (.*)$", version, re.MULTILINE)
        assert kinds and kinds == [kind for kind in CHANGES if kind in kinds]


def test_what_contributors_are_told_to_type_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert len(text.splitlines()) <= 60, "one page"
    places = re.findall(r"\btests/[\w/.]+", text)
    assert places and [place for place in places if not (ROOT / place).exists()] == []
    targets = set(re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"setup", "report", "why", "test"} == set(re.findall(r"\bmake (\w+)", text)) <= targets


@pytest.mark.parametrize("fast", ["", "1"])
def test_the_quick_tests_leave_out_what_is_slow_and_nothing_else_does(fast: str) -> None:
    recipe = subprocess.run(
        ["make", "--dry-run", "test", f"FAST={fast}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert f"FAST={fast} OMP_NUM_THREADS=1 pytest" in recipe.stdout
    code = "import conftest; print(*conftest.collect_ignore, sep='\\n')"
    env = environment() | {"FAST": fast, "PYTHONPATH": f"{ROOT}/tests:{ROOT}/tests/helpers"}
    ignored = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    assert ("workflow" in ignored.split()) == bool(fast)
    left = [ROOT / "tests" / name for name in ignored.split()]
    assert [path for path in left if path.parent.is_dir() and not path.exists()] == [], "of a study that is there"
