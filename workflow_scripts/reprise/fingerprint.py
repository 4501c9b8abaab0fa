"""What a step's result depends on besides its inputs: its code and its part of the configuration.

Snakemake sees a change in a rule's command but not in the modules that the command imports. A fingerprint
covers the step's import closure inside the project, definition by definition, so comments, docstrings and layout
count for nothing. Only the standard library is imported here: every cluster job computes this again.
"""

import io
import json
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from reprise.definitions import Source, read_source
from reprise.records import remember

CODE_ROOT = Path(__file__).resolve().parent.parent
COMPANIONS = {".R", ".j2", ".css", ".js"}
R_SOURCE = re.compile(r"""\bsource\(\s*["']([^"']+)["']""")
TEMPLATE = re.compile(r"""\b(?:extends|include|import|from)\s+["']([^"']+)["']""")
RULES_IMPORT = re.compile(r"^from (\S+) import", re.MULTILINE)
# What of a rule decides neither which rules there are nor which needs which.
HOW_RULES_RUN = re.compile(
    r"^( +)(?:threads|resources|log|benchmark|conda|localrule|params|shell):.*\n(?:\1 +.*\n|\s*\n)*", re.MULTILINE
)

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
    texts = {str(file): file.read_text() for file in files}
    imported = {name for text in texts.values() for name in RULES_IMPORT.findall(text)}
    modules = sorted({path for name in imported for path in _modules(name, CODE_ROOT)})
    said = {file: " ".join(_tokens(HOW_RULES_RUN.sub("", text))) for file, text in texts.items()}
    rules = {file: remember([["rules", tokens]]) for file, tokens in said.items()}
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
    modules = [module for name in source.imports for module in _modules(name, folder)]
    names = [text for text in source.strings if Path(text).suffix in COMPANIONS]
    if path.suffix in (".R", ".j2"):
        names = (R_SOURCE if path.suffix == ".R" else TEMPLATE).findall(path.read_text())
    beside = [place / name for place in (path.parent, path.parent / "templates") for name in names]
    return (*modules, *(file for file in beside if file.is_file()))


@cache
def _modules(dotted: str, folder: Path) -> tuple[Path, ...]:
    """The project's files that importing `dotted` runs: each package on the way, and the module itself.

    As in Python, a folder without __init__.py counts only where no place has a module or package of that name.
    """
    places, found = [folder, CODE_ROOT], []
    for name in dotted.split("."):
        below = [place / name for place in places]
        files = [file for path in below for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()]
        found += files[:1]
        places = [file.parent for file in files[:1] if file.name == "__init__.py"] if files else below
    return tuple(found)


def _tokens(text: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            yield "indent" if token.type == tokenize.INDENT else token.string
