"""What a step's result depends on besides its inputs: its code and its part of the configuration.

Snakemake sees a change in a rule's command but not in the modules that the command imports. A fingerprint
covers the step's import closure inside the project by syntax tree, so comments, docstrings and layout count
for nothing. Only the standard library is imported here: every cluster job computes this again.
"""

import ast
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

CODE_ROOT = Path(__file__).resolve().parent.parent
COMPANIONS = {".R", ".j2", ".css", ".js"}
R_TOKEN = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|#[^\n]*|\s+""")
R_SOURCE = re.compile(r"""\bsource\(\s*["']([^"']+)["']""")


def spec(step: str, settings: Mapping[str, Any]) -> str:
    """One canonical JSON string of a step's settings and the digest of its code, for a rule's `params`.

    Snakemake compares params as a set of values without names; in one string with sorted keys no swap,
    rename or change of type goes unseen.
    """
    return json.dumps({**settings, "code": code_digest(step)}, sort_keys=True)


@cache
def code_digest(step: str) -> str:
    """Digest of everything of the project that `step` (a path below workflow_scripts/) runs."""
    closure = hashlib.sha256()
    for path in import_closure(CODE_ROOT / step):
        closure.update(f"{path.relative_to(CODE_ROOT)}\0{_file_digest(path)}\n".encode())
    return closure.hexdigest()[:16]


@cache
def import_closure(step: Path) -> tuple[Path, ...]:
    """The project's files that `step` uses, itself included: imported modules, R scripts, templates; sorted."""
    found: set[Path] = set()
    waiting = [step]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_uses(path))
    return tuple(sorted(found))


@cache
def _uses(path: Path) -> tuple[Path, ...]:
    if path.suffix == ".py":
        tree = ast.parse(path.read_bytes())
        return (*_imported(tree, path), *_companions(tree, path))
    if path.suffix == ".R":
        return tuple(path.parent / name for name in R_SOURCE.findall(path.read_text()))
    if path.suffix == ".j2":
        names = re.findall(r"""(?:extends|include|import|from)\s+["']([^"']+)["']""", path.read_text())
        return tuple(path.parent / name for name in names)
    return ()


def _imported(tree: ast.AST, path: Path) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield from _modules(name, path.parent)


def _modules(dotted: str, beside: Path) -> Iterator[Path]:
    """The project's files that importing `dotted` runs: each package on the way, and the module itself."""
    parts = dotted.split(".")
    for root in (beside, CODE_ROOT):
        if not any((root / parts[0]).with_suffix(suffix).exists() for suffix in ("", ".py")):
            continue
        for depth in range(1, len(parts) + 1):
            place = root.joinpath(*parts[:depth])
            for file in (place / "__init__.py", place.with_suffix(".py")):
                if file.is_file():
                    yield file
        return


def _companions(tree: ast.AST, path: Path) -> Iterator[Path]:
    """Files that a module names in a string and that lie in its own folder, such as its R script."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and Path(node.value).suffix in COMPANIONS:
            file = path.parent / node.value
            if file.is_file():
                yield file


@cache
def _file_digest(path: Path) -> str:
    if path.suffix == ".py":
        text = ast.dump(_without_docstrings(ast.parse(path.read_bytes())))
    elif path.suffix == ".R":
        text = R_TOKEN.sub(lambda match: match.group(1) or " ", path.read_text())
        text = re.sub(r" +", " ", text)
    else:
        text = path.read_text()
    return hashlib.sha256(text.encode()).hexdigest()


def _without_docstrings(tree: ast.AST) -> ast.AST:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_docstring(part)]
    return tree


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
