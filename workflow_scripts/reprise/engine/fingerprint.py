"""What a step's result depends on besides its inputs: its code and its part of the configuration.

Snakemake sees a change in a rule's command but not in the modules that the command imports. A fingerprint
covers the step's import closure inside the project, definition by definition, so comments, docstrings and layout
count for nothing. Only the standard library is imported here: every cluster job computes this again.
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
# What of a rule decides neither which rules there are nor which needs which.
HOW_RULES_RUN = {"threads", "resources", "log", "benchmark", "pathvars", "conda", "localrule", "params", "shell"}
DOCUMENTED = {"", "rule", "checkpoint", "use", "def", "class"}

_source = cache(read_source)


def spec(step: str, settings: Mapping[str, Any]) -> str:
    """One canonical JSON string of a step's settings and the digest of its code, for a rule's `params`.

    Snakemake compares params as a set of values without names; in one string with sorted keys no swap,
    rename or change of type goes unseen.
    """
    return json.dumps({**settings, "code": code_digest(step)}, sort_keys=True)


@cache
def code_digest(step: str) -> str:
    """Digest of everything of the project that `step` (a path below workflow_scripts/) runs."""
    return remember(_files_digests(import_closure(CODE_ROOT / step)))


@cache
def import_closure(*programs: Path, folder: Path | None = None) -> tuple[Path, ...]:
    """The project's files that programs use, themselves included: imported modules, R scripts, templates; sorted.

    Modules are sought in `folder` first: by default where the first program lies, as Python does for a step.
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
    """Digest of what rule files say of which rule needs which, by tokens, and of the modules that they import."""
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
    """The project's files that a file refers to, in a program whose folder comes first where modules are sought."""
    source: Source = _source(path)
    used = [module for name in source.imports for module in _modules(name.lstrip("."), _sought(name, path, folder))]
    for place in (path.parent, path.parent / "templates"):
        below = _below(f"{place}/")
        used += [below[text] for text in source.strings & below.keys()]
    # Such as `../page.css`, or `.csv` for the file that is called as this one.
    dotted = [text for text in source.strings if text.startswith(".")]
    named = [
        os.path.normpath(f"{start}{text}") for text in dotted for start in (f"{path.parent}/", path.with_suffix(""))
    ]
    return (*used, *(Path(file) for file in named if file in _files()))


def _sought(name: str, path: Path, folder: Path) -> tuple[Path, ...]:
    """The folders where an import in `path` seeks the module, one level up for each dot but the first."""
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
    """All files of the project's code, and whatever lies beside it."""
    walked = os.walk(CODE_ROOT)
    return frozenset(f"{folder}/{name}" for folder, _, names in walked if "__pycache__" not in folder for name in names)


@cache
def _below(folder: str) -> dict[str, Path]:
    """The files below a folder by their paths from there."""
    return {file.removeprefix(folder): Path(file) for file in _files() if file.startswith(folder)}


def _logical_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """How deep each statement of a rule file is indented, and its words; comments are left out."""
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
    """The statements of a rule file without docstrings and without what only says how rules run."""
    hidden, before = None, ""
    for depth, words in lines:
        if hidden is not None and depth > hidden:
            continue
        hidden = depth if depth and words[0] in HOW_RULES_RUN and words[1:2] == [":"] else None
        is_docstring = before in DOCUMENTED and all(word[-1] in "\"'" for word in words)
        if hidden is None and not is_docstring:
            yield f"{depth} {' '.join(words)}"
        before = words[0]
