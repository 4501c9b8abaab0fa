"""A source file as its definitions, each with a digest of what it says: no comment, docstring or layout counts."""

import ast
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SAYS_NOTHING = {"ctx", "kind", "type_comment"}
IMPORTERS = {"import_module", "__import__"}
# What files of these kinds have between quotes may be the name of another file.
NAMING = {".j2", ".html", ".css", ".js"}
QUOTED = re.compile(r"""(?<=["'])[^"'\n]+(?=["'])""")
R_TOKEN = re.compile(
    r"""(?P<text> "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `[^`]*`) | (?P<comment>\#[^\n]*) | (?P<newline>\n)
    | (?P<space>[^\S\n]+) | (?P<word>[\w.]+) | <<?- | ->>? | [<>=!]= | && | \|\|? | %[^%\n]*% | ::+ | \|> | .""",
    re.VERBOSE,
)
# After these an R statement goes on, so a new line says nothing.
R_GOES_ON = {*"+-*/^~?:$@!=<>&|,", "<<-", "<-", "->>", "->", "<=", ">=", "!=", "==", "&&", "||", "::", ":::", "|>"}


class Source(NamedTuple):
    """What a file defines, in its order, and what it refers to: the modules it imports, the strings in it.

    A relative import keeps the dots before its name.
    """

    definitions: list[tuple[str, str]]
    imports: set[str]
    strings: set[str]


def read_source(path: Path) -> Source:
    """Read a Python module, an R script, or any other file, which is one definition as a whole."""
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
    """The definitions that a statement of a module holds: one, or a class and each of its methods."""
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
    """A syntax tree as nested tuples without places and docstrings; collects its imports and strings on the way."""
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
    """What a statement imports, or a call of import_module or __import__ whose first argument is a literal."""
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
    definitions = [(name, _digest(content.encode())) for name, content in _r_parts(text)]
    strings = {match[0][1:-1] for match in R_TOKEN.finditer(text) if match.lastgroup == "text"}
    return Source(definitions, set(), strings)


def _r_parts(text: str) -> Iterator[tuple[str, str]]:
    """An R script's statements by name: its functions, and all the rest as `script`."""
    for tokens in _r_statements(text):
        is_function = len(tokens) > 2 and tokens[1] in ("<-", "=") and tokens[2] in ("function", "\\")
        yield f"function {tokens[0]}" if is_function else "script", " ".join(tokens)


def _r_statements(text: str) -> Iterator[list[str]]:
    """Tokens of each statement outside of brackets; a new line counts there and within braces."""
    tokens: list[str] = []
    open_brackets: list[str] = []
    for match in R_TOKEN.finditer(text):
        token = match[0]
        if match.lastgroup in ("comment", "space"):
            continue
        if match.lastgroup == "newline":
            goes_on = not tokens or tokens[-1] in R_GOES_ON or tokens[-1].startswith("%")
            if not open_brackets and not goes_on:
                yield tokens
                tokens = []
            elif open_brackets[-1:] == ["{"] and not goes_on and tokens[-1] not in ("{", "\n"):
                tokens.append(token)
            continue
        if token in "([{":
            open_brackets.append(token)
        elif token in ")]}" and open_brackets:
            open_brackets.pop()
            if token == "}" and tokens[-1] == "\n":
                tokens.pop()
        tokens.append(token)
    yield from [tokens] if tokens else []


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
