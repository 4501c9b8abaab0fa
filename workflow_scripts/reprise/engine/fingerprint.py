"""The fingerprint of a step: a digest of its code, and its part of the configuration.

Snakemake sees a change in a rule's command but not in the modules that the command imports. A fingerprint covers the
import closure of the step inside the project, definition by definition, so comments, docstrings and layout do not
count. This module imports the standard library only, because every cluster job computes fingerprints again.
"""

import io
import json
import os
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from reprise.engine.definitions import Source, read_python, read_source
from reprise.engine.records import remember

CODE_ROOT = Path(__file__).resolve().parents[2]
# These parts of a rule change neither the list of rules nor which rule needs which.
HOW_RULES_RUN = {"threads", "resources", "log", "benchmark", "pathvars", "conda", "localrule", "params", "shell"}
DOCUMENTED = {"", "rule", "checkpoint", "use", "def", "class"}

_source = cache(read_source)


def spec(step: str, settings: Mapping[str, Any]) -> str:
    """One canonical JSON string of a step's settings and the digest of its code, for a rule's `params`.

    Snakemake compares params as a set of values without names; one string with sorted keys shows every swap,
    rename and change of type.
    """
    return json.dumps({**settings, "code": code_digest(step)}, sort_keys=True)


@cache
def code_digest(step: str) -> str:
    """Digest of all project code that `step` (a path below workflow_scripts/) runs."""
    return remember(_files_digests(import_closure(CODE_ROOT / step)))


@cache
def import_closure(*programs: Path, folder: Path | None = None) -> tuple[Path, ...]:
    """Sorted project files that the programs use: themselves, imported modules, R scripts and templates.

    An import looks in `folder` first; by default this is the folder of the first program, as Python does for a step.
    """
    found: set[Path] = set()
    waiting = list(programs)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_uses(path, folder or programs[0].parent))
    return tuple(sorted(found))


def rules_digest(files: Iterable[Path]) -> str:
    """Digest of the rules and their needs in some rule files, by tokens, and of the modules that they import."""
    lines = {str(file): list(_logical_lines(file.read_text(encoding="utf-8"))) for file in files}
    imports = [" ".join(words) for said in lines.values() for _, words in said if words[0] in ("from", "import")]
    imported = read_python("\n".join(imports)).imports
    modules = sorted({path for name in imported for path in _modules(name, (CODE_ROOT,))})
    rules = {file: remember([["rules", "\n".join(_needs(said))]]) for file, said in lines.items()}
    return remember(rules | _files_digests(import_closure(*modules, folder=CODE_ROOT)))


def _files_digests(files: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(CODE_ROOT).as_posix(): _file_digest(path) for path in files}


@cache
def _file_digest(path: Path) -> str:
    return remember(_source(path).definitions)


@cache
def _uses(path: Path, folder: Path) -> tuple[Path, ...]:
    """Project files that a file refers to; its imports look in `folder` first."""
    source: Source = _source(path)
    used = [module for name in source.imports for module in _modules(name.lstrip("."), _sought(name, path, folder))]
    for place in (path.parent, path.parent / "templates"):
        below = _below(f"{place}/")
        used += [below[text] for text in source.strings & below.keys()]
    # For example `../page.css`, or `.csv` for the file with the stem of this one.
    dotted = [text for text in source.strings if text.startswith(".")]
    named = [
        os.path.normpath(f"{start}{text}") for text in dotted for start in (f"{path.parent}/", path.with_suffix(""))
    ]
    return (*used, *(Path(file) for file in named if file in _files()))


def _sought(name: str, path: Path, folder: Path) -> tuple[Path, ...]:
    """Folders where an import in `path` looks for the module; each dot after the first means one level up."""
    dots = len(name) - len(name.lstrip("."))
    return (path.parents[dots - 1],) if dots else (folder, CODE_ROOT)


@cache
def _modules(dotted: str, folders: tuple[Path, ...]) -> tuple[Path, ...]:
    """The project's files that importing `dotted` runs: each package on the way, and the module itself.

    As in Python, a folder without __init__.py counts only where no place has a module or package of that name.
    """
    places, found = [str(folder) for folder in folders], []
    for name in dotted.split("."):
        below = [f"{place}/{name}" for place in places]
        files = [file for path in below for file in (f"{path}/__init__.py", f"{path}.py") if file in _files()]
        found += files[:1]
        packages = [file.removesuffix("/__init__.py") for file in files[:1] if file.endswith("/__init__.py")]
        places = packages if files else below
    return tuple(map(Path, found))


@cache
def _files() -> frozenset[str]:
    """All files in the folder of the code."""
    walked = os.walk(CODE_ROOT)
    return frozenset(f"{folder}/{name}" for folder, _, names in walked if "__pycache__" not in folder for name in names)


@cache
def _below(folder: str) -> dict[str, Path]:
    """The files below a folder by their paths from there."""
    return {file.removeprefix(folder): Path(file) for file in _files() if file.startswith(folder)}


def _logical_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Depth of indentation and words of each statement of a rule file, without comments."""
    depth, words = 0, []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.INDENT, tokenize.DEDENT):
            depth += 1 if token.type == tokenize.INDENT else -1
        elif token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER):
            words.append(token.string)
        elif words and token.type == tokenize.NEWLINE:
            yield depth, words
            words = []


def _needs(lines: Iterable[tuple[int, list[str]]]) -> Iterator[str]:
    """Statements of a rule file without docstrings and without the parts in `HOW_RULES_RUN`."""
    hidden, before = None, ""
    for depth, words in lines:
        if hidden is not None and depth > hidden:
            continue
        hidden = depth if depth and words[0] in HOW_RULES_RUN and words[1:2] == [":"] else None
        is_docstring = before in DOCUMENTED and all(word[-1] in "\"'" for word in words)
        if hidden is None and not is_docstring:
            yield f"{depth} {' '.join(words)}"
        before = words[0]
