"""A source file as its definitions, each with a digest; comments, docstrings and layout do not count."""

import ast
import hashlib
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SAYS_NOTHING = {"ctx", "kind", "type_comment"}
IMPORTERS = {"import_module", "__import__"}
# In files of these kinds, text between quotes may be the name of another file.
NAMING = {".j2", ".html", ".css", ".js"}
QUOTED = re.compile(r"""(?<=["'])[^"'\n]+(?=["'])""")
R_TOKEN = re.compile(
    r"""(?P<text> "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `[^`]*`) | (?P<nothing>\#[^\n]* | [^\S\n]+) | (?P<lines>\n\s*)
    | [\w.]+ | <<?- | ->>? | [<>=!]= | && | \|\|? | %[^%\n]*% | ::+ | \|> | .""",
    re.VERBOSE,
)


class Source(NamedTuple):
    """The definitions of a file in their order, the modules that it imports, and the strings in it.

    A relative import keeps the dots before its name.
    """

    definitions: list[tuple[str, str]]
    imports: set[str]
    strings: set[str]


def read_source(path: Path) -> Source:
    """Read a Python module, or any other file, which is one definition as a whole."""
    content = path.read_bytes()
    if path.suffix == ".py":
        return read_python(content.decode())
    if path.suffix == ".R":
        return _r(path.read_text(encoding="utf-8"))
    strings = set(QUOTED.findall(content.decode())) if path.suffix in NAMING else set()
    return Source([("text", _digest(content))], set(), strings)


def read_python(text: str) -> Source:
    """Read the text of a Python module."""
    imports: set[str] = set()
    strings: set[str] = set()
    parts = [part for node in ast.parse(text).body if not _is_docstring(node) for part in _parts(node)]
    definitions = [(name, _digest(repr(_said(node, imports, strings)).encode())) for name, node in parts]
    return Source(definitions, imports, strings)


def _parts(node: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    """The definitions in a statement of a module: a class gives itself and each of its methods."""
    if isinstance(node, ast.ClassDef):
        methods = [part for part in node.body if isinstance(part, FUNCTIONS)]
        node.body = [part for part in node.body if part not in methods]
        yield f"class {node.name}", node
        yield from ((f"method {node.name}.{method.name}", method) for method in methods)
    elif isinstance(node, FUNCTIONS):
        yield f"function {node.name}", node
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield "imports", node
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield f"constant {', '.join(map(ast.unparse, targets))}", node
    else:
        yield "module level", node


def _said(node: Any, imports: set[str], strings: set[str]) -> Any:
    """A syntax tree as nested tuples without positions and docstrings; adds to its imports and strings."""
    if isinstance(node, list):
        return [_said(part, imports, strings) for part in node if not _is_docstring(part)]
    if not isinstance(node, ast.AST):
        return node
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Call):
        imports.update(_imported(node))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        strings.add(node.value)
    fields = [getattr(node, field, None) for field in node._fields if field not in SAYS_NOTHING]
    return type(node).__name__, *[_said(field, imports, strings) for field in fields]


def _imported(node: ast.Import | ast.ImportFrom | ast.Call) -> Iterator[str]:
    """Names that a statement imports, or a call of import_module or __import__ with a literal name."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (f"{node.module}." if node.module else "")
        yield from (module + alias.name for alias in node.names)
    elif node.args and getattr(node.func, "attr", getattr(node.func, "id", None)) in IMPORTERS:
        name = node.args[0]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield name.value


def _is_docstring(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _r(text: str) -> Source:
    """An R script as a whole, without comments, spaces and empty lines."""
    tokens = [token for token in R_TOKEN.finditer(text) if token.lastgroup != "nothing"]
    words = ["\n" if token.lastgroup == "lines" else token[0] for token in tokens]
    said = [word for word, after in pairwise(["\n", *words, "\n"]) if not word == after == "\n"]
    strings = {token[0][1:-1] for token in tokens if token.lastgroup == "text"}
    return Source([("script", _digest(repr(said).encode()))], set(), strings)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
