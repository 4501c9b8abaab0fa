"""Lay a study into the project's places, from the templates beside this file: all of it, or nothing.

python tools/new_study/new_study.py --name liver --task segmentation
"""

import argparse
import re
import sys
from importlib.util import find_spec
from keyword import iskeyword, issoftkeyword
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CODE = ROOT / "workflow_scripts"
sys.path.insert(0, str(CODE))

from reprise.step.command import say  # noqa: E402
from reprise.step.errors import InputError  # noqa: E402
from reprise.step.files import outputs  # noqa: E402

TASKS = ("segmentation", "classification", "regression")
NAME = re.compile(r"[a-z][a-z0-9_]{1,15}", re.ASCII)
FORM = "2 to 16 lower-case letters, digits and underscores, a letter first"


def main() -> None:
    """Make the study that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help=FORM)
    parser.add_argument("--task", required=True, help=", ".join(TASKS))
    args = parser.parse_args()
    try:
        made = make_study(args.name, args.task)
    except InputError as error:
        sys.exit(f"error: {error}")
    say("\n".join(made))


def make_study(name: str, task: str) -> list[str]:
    """Write all files of a study and its entries in the lists; their paths below the project.

    Raises:
        InputError: the name or the task cannot be used, or a list has lost the line where the entry belongs.
    """
    refuse(name, task)
    texts = rendered(name, task) | listed(name, task)
    with outputs(*(ROOT / path for path in texts)) as partials:
        for partial, text in zip(partials, texts.values(), strict=True):
            partial.write_text(text, encoding="utf-8")
    return sorted(texts)


def refuse(name: str, task: str) -> None:
    """Raise InputError, in one line, if the name or the task cannot be used."""
    if task not in TASKS:
        raise InputError(f"TASK: expected {', '.join(TASKS)}; found {task!r}")
    if not NAME.fullmatch(name):
        raise InputError(f"NAME: expected {FORM}; found {name!r}")
    files = [path for _, path in places(name, task)]
    folders = [f"{above}/{name}" for above in ("rules", "workflow_scripts", "tests")]
    problem = next((f"{path} is there already" for path in [*files, *folders] if (ROOT / path).exists()), "")
    if iskeyword(name) or issoftkeyword(name) or (not problem and find_spec(name)):
        problem = "a word of Python or a package has this name"
    if not problem and (used := library_file_with(name)):
        problem = f"the code of all studies uses this word ({used})"
    if problem:
        raise InputError(f"NAME: {name}: {problem}; choose another name")


def library_file_with(name: str) -> str:
    """The first file of the code of all studies that has this word, or nothing."""
    word = re.compile(rf"(?<![a-z0-9]){name}(?![a-z0-9])", re.IGNORECASE)
    studies = yaml.safe_load((ROOT / "config/schema.yaml").read_text())["properties"]["studies"]["items"]["enum"]
    for folder in sorted(path for path in CODE.iterdir() if path.name not in (*studies, "bench", "ui")):
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"):
            if word.search(file.stem) or word.search(file.read_text(encoding="utf-8")):
                return file.relative_to(ROOT).as_posix()
    return ""


def places(name: str, task: str) -> list[tuple[Path, str]]:
    """Each template of a task, and the path below the project of what it makes."""
    found = []
    for tree in (HERE / "all", HERE / task):
        for template in sorted(tree.rglob("*.j2")):
            path = template.relative_to(tree).as_posix().removesuffix(".j2").replace("NAME", name)
            found.append((template, path))
    return found


def rendered(name: str, task: str) -> dict[str, str]:
    """The text of each file of the study, by its path."""
    values = values_of(name, task)
    return {path: in_order(fill(template, values), name) for template, path in places(name, task)}


def listed(name: str, task: str) -> dict[str, str]:
    """The text of each list with the study's entries.

    Raises:
        InputError: a list has lost the line where an entry belongs.
    """
    texts: dict[str, str] = {}
    for entry in yaml.safe_load(fill(HERE / "lists.yaml.j2", values_of(name, task))):
        file = entry["file"]
        lines = texts.get(file, (ROOT / file).read_text(encoding="utf-8")).splitlines()
        start = entry.get("bracket") or entry["after"]
        at = next((at for at, line in enumerate(lines) if line.startswith(start)), None)
        if at is None:
            raise InputError(f"{file}: expected a line that begins with {start!r}, found none; see `git diff {file}`")
        if "bracket" in entry:
            before, bracket, after = lines[at].partition("]")
            lines[at] = f"{before}, {name}{bracket}{after}"
        else:
            place = at + 1 + entry.get("skip", 0)
            lines[place:place] = entry["lines"].splitlines()
        texts[file] = "\n".join(lines) + "\n"
    return texts


def values_of(name: str, task: str) -> dict[str, Any]:
    """What templates name."""
    kind = yaml.safe_load((HERE / "tasks.yaml").read_text(encoding="utf-8"))[task]
    title = name.replace("_", " ").capitalize()
    return kind | {"name": name, "title": title, "task": task, "first": next(iter(kind["measures"]))}


def fill(template: Path, values: dict[str, Any]) -> str:
    """A template with its values. Its marks are << >> and <% %>, because some files that it makes are templates."""
    marks = {"variable_start_string": "<<", "variable_end_string": ">>"}
    marks |= {"block_start_string": "<%", "block_end_string": "%>"}
    marks |= {"comment_start_string": "<#", "comment_end_string": "#>"}
    kept: dict[str, Any] = {"keep_trailing_newline": True, "trim_blocks": True, "undefined": StrictUndefined}
    environment = Environment(loader=FileSystemLoader(template.parent), **marks, **kept)
    return environment.get_template(template.name).render(values)


def in_order(text: str, name: str) -> str:
    """A module with the lines that import from this project sorted, because their order depends on the study's name."""
    lines = text.splitlines()
    ours = [at for at, line in enumerate(lines) if re.match(rf"\s*from ({name}|reprise)\.\S+ import ", line)]
    runs: list[list[int]] = []
    for at in ours:
        if runs and runs[-1][-1] == at - 1:
            runs[-1].append(at)
        else:
            runs.append([at])
    for run in runs:
        lines[run[0] : run[-1] + 1] = sorted(lines[run[0] : run[-1] + 1], key=lambda line: line.split()[1])
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
