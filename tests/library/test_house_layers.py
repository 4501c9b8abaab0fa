"""Which folder owns which module, and which way imports run."""

import ast
import re
from collections.abc import Iterable
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from workflow_rules import CODE, ROOT, STUDIES, job_rules, step_of

LIBRARY = CODE / "reprise"
PARTS = {"data", "phantom", "learning", "analysis"}
FOR_ALL = (
    "report",
    "bench",
    "weights",
    "raw_data",
    "own_files",
    "terminal",
    "ui",
    "bundle",
)  # folders of steps that serve all studies
WITH_STUDIES = ("bench", "ui", "bundle")  # those of them that time, show, or pack what each study has of its own
# From the top down. A module imports from its own level and from those below. A step's frame and the engine use each
# other: a step reports to the engine, and the engine reads and locks files as a step does.
LEVELS = (
    {"report"},
    {"plots"},
    {"inference"},
    {"training"},
    {"evaluation"},
    {"models"},
    {"data"},
    {"step", "engine"},
)
STUDY_NAMES = re.compile(rf"(?<![a-z0-9])({'|'.join(STUDIES)})(?![a-z0-9])", re.IGNORECASE)
QUANTITIES = re.compile(
    r"(?<![a-z0-9])(ef|ejection|ventric\w*|(dia|sy)stol\w*|beats?|lesions?|tracings?)(?![a-z0-9])", re.IGNORECASE
)


def python_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if path.name != "__init__.py")


def named(path: Path, root: Path = CODE) -> str:
    return path.relative_to(root).as_posix()


@cache
def imported(path: Path) -> frozenset[Path]:
    """The project's modules that a file imports itself, at its top or later."""
    nodes = [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{named(path)}: a relative import"
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    places = [folder / f"{name.replace('.', '/')}.py" for name in names for folder in (path.parent, CODE)]
    return frozenset(place for place in places if place.is_file())


def reached(programs: Iterable[Path], *through: Path) -> set[Path]:
    """The modules in the folders `through` that programs use, by way of such modules alone; the programs too."""
    found, waiting = set(), [*programs]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [used for used in imported(path) if any(used.is_relative_to(folder) for folder in through)]
    return found


def imported_by_rules() -> list[Path]:
    texts = [path.read_text() for path in (ROOT / "rules").rglob("*.smk")]
    line = re.compile(r"^from (reprise\S+) import (.+)$", re.MULTILINE)
    found = [pair for text in texts for pair in line.findall(text)]
    names = {name for package, modules in found for name in (package, *(f"{package}.{m}" for m in modules.split(", ")))}
    return [file for name in names if (file := CODE / f"{name.replace('.', '/')}.py").is_file()]


def test_each_module_of_the_library_serves_two_studies_or_all() -> None:
    by_study = [reached((CODE / study).glob("*.py"), CODE / study, LIBRARY) for study in STUDIES]
    roots = [file for folder in FOR_ALL for file in python_files(CODE / folder)] + imported_by_rules()
    for_all = reached(roots, LIBRARY)
    studies = {path: sum(path in part for part in by_study) for path in python_files(LIBRARY)}
    alone = {named(path, LIBRARY) for path, count in studies.items() if count < 2 and path not in for_all}
    assert alone == set(), "give a study what it alone uses"


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_has_its_steps_at_the_top_and_all_else_in_four_folders(study: str) -> None:
    here = {path for path in (CODE / study).iterdir() if path.name != "__pycache__"}
    steps = {CODE / step_of(rule) for rule in job_rules(*STUDIES)}
    assert {path.name for path in here if path.is_file()} == {step.name for step in steps if step.parent.name == study}
    assert {path.name for path in here if path.is_dir()} <= PARTS
    programs = {*steps, *python_files(CODE / "ui"), *python_files(CODE / "bundle")}
    unused = {*python_files(CODE / study)} - reached(programs, CODE / study)
    assert unused == set(), "neither a step of the study, nor the page, nor a bundle uses this"
    packages = {*(CODE / study).rglob("__init__.py")}
    assert packages == set(), "a step's folder comes first on sys.path: a package `data` there would hide others"


def test_imports_run_from_steps_to_their_study_to_the_library() -> None:
    wrong = {
        f"{named(path)} -> {named(used)}"
        for path in python_files(CODE)
        for used in imported(path)
        if not may_import(named(path).split("/"), named(used).split("/"))
    }
    assert wrong == set()


def may_import(path: list[str], used: list[str]) -> bool:
    """Whether one module may import another, both by the parts of their paths below workflow_scripts/."""
    if used[0] == "reprise":
        return path[0] != "reprise" or level_of(path[1]) <= level_of(used[1])
    if used[0] in STUDIES:
        return path[0] in (used[0], *WITH_STUDIES) and len(used) > 2  # steps are for nobody to import
    return path[0] == used[0]


def level_of(folder: str) -> int:
    (level,) = [level for level, folders in enumerate(LEVELS) if folder in folders]
    return level


def test_no_import_leads_back() -> None:
    TopologicalSorter({path: imported(path) - {path} for path in python_files(CODE)}).prepare()


def test_library_names_no_study() -> None:
    folders = [LIBRARY, *(CODE / name for name in FOR_ALL if name not in WITH_STUDIES)]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    texts = {named(path): path.read_text() for path in files if "__pycache__" not in path.parts}
    assert [name for name, text in texts.items() if STUDY_NAMES.search(name + text)] == []


def test_library_names_no_quantity_of_a_study() -> None:
    files = [path for path in LIBRARY.rglob("*.*") if path.suffix != ".pyc"]
    texts = {named(path, LIBRARY): path.read_text() for path in files}
    assert [name for name, text in texts.items() if QUANTITIES.search(name + text)] == []


@pytest.mark.parametrize("owner", ["reprise", *STUDIES])
def test_no_two_modules_of_one_owner_are_easily_confused(owner: str) -> None:
    plain = [path.stem.removesuffix("s") for path in python_files(CODE / owner)]
    assert sorted(plain) == sorted(set(plain)), "equal names, but for a plural"
