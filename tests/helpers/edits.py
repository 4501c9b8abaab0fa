"""Edits of source files: edits without an effect, and edits that change what a file does."""

import ast
import re
from pathlib import Path

DEFINITIONS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def said_otherwise(path: Path) -> str:
    """The same code with other comments, docstrings and layout; other files stay as they are."""
    text = path.read_text()
    if path.suffix == ".R":
        return re.sub(r"\s*<-\s*", "   <-   ", f"# why\n\n{text}").replace("{\n", "{ # why\n\n\n")
    if path.suffix != ".py":
        return text
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, DEFINITIONS) and ast.get_docstring(node):
            node.body[0] = ast.Expr(ast.Constant("Something else."))
    return f"# why\n{ast.unparse(ast.fix_missing_locations(tree))}\n# because\n"


def rules_said_otherwise(text: str) -> str:
    """The same rules with more comments, and with docstrings where rules can have one."""
    text = re.sub(r"^( *)(rule \w+:\n)", r'\1\2\1    """Say why."""\n', text, flags=re.MULTILINE)
    parts = r"^( +(?:input|pathvars|resources|params|shell):\n)"
    return "# why\n" + re.sub(parts, r"\1  # because\n", text, flags=re.MULTILINE)


def done_otherwise(path: Path) -> str:
    """The file with one more statement: in a function, else in a class, else at its end."""
    text = path.read_text()
    if path.suffix == ".R":
        return re.sub(r"(<- function\([^{]*\{)", r"\1\n  changed <- 1\n", text, count=1)
    if path.suffix != ".py":
        return f"{text}\n<!-- changed -->\n"
    tree = ast.parse(text)
    for kind in ((ast.FunctionDef, ast.AsyncFunctionDef), ast.ClassDef):
        for node in ast.walk(tree):
            if isinstance(node, kind):
                node.body.extend(ast.parse("changed = 1").body)
                return ast.unparse(ast.fix_missing_locations(tree))
    return f"{text}\nCHANGED = 1\n"
