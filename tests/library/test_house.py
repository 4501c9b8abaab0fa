"""The rules of the house, tested on the code itself."""

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from snakemake.rules import Rule

from reprise.engine.fingerprint import code_digest, import_closure
from workflow_rules import CODE, ROOT, STUDIES, job_rules, option_names, step_of

LONGEST_FILE = 300
LONGEST_FUNCTION = 40
PLACEHOLDER = re.compile(r"(?<!\{)\{(?!\{)([^{}]+)\}")
LOADERS = re.compile(r"\b(importlib\.(util|machinery)|runpy|imp|pkgutil|import_module as .*)\b")
# Folders of one machine, and hosts of package registries. The brackets keep this file from matching itself.
NOT_TO_BE_NAMED = re.compile(
    r"/[w]ork/|/[r]oot/|/[h]ome/\w|\b[p]ypi\.|files\.[p]ythonhosted|deb\.[d]ebian|registry\.[n]pmjs|[c]onda\.anaconda"
)


def python_files() -> list[Path]:
    return sorted([*CODE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")])


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("no Git repository here")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


(HOOKS,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]


@pytest.mark.parametrize("command", [hook["entry"] for hook in HOOKS["hooks"]])
def test_tools_have_nothing_to_say(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]


def test_no_file_and_no_function_is_long() -> None:
    files = {named(path): len(path.read_text().splitlines()) for path in [*python_files(), *rule_files()]}
    assert {name: lines for name, lines in files.items() if lines > LONGEST_FILE} == {}
    functions = {
        f"{named(path)}:{node.name}": lines_of_code(node)
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef)
    }
    assert {name: lines for name, lines in functions.items() if lines > LONGEST_FUNCTION} == {}


def lines_of_code(function: ast.FunctionDef) -> int:
    """Lines of a function, its docstring left out."""
    docstring = function.body[:1] if ast.get_docstring(function) else []
    lines, *left_out = [node.end_lineno - node.lineno + 1 for node in (function, *docstring)]
    return lines - sum(left_out)


def rule_files() -> list[Path]:
    return [ROOT / "Snakefile", *sorted((ROOT / "rules").rglob("*.smk"))]


def test_packages_hold_nothing_themselves() -> None:
    assert [named(path) for path in CODE.rglob("__init__.py") if path.read_bytes()] == []
    folders = {path.parent for path in (CODE / "reprise").rglob("*.py")}
    assert [named(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def hidden_imports(text: str) -> list[str]:
    """Ways to load code that a fingerprint does not follow: by a name or path that is no literal."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            literal = node.args and isinstance(node.args[0], ast.Constant)
            relative = [ast.unparse(argument) for argument in [*node.args[1:], *node.keywords]]
            found += [ast.unparse(node)] if not literal or relative not in ([], ["__package__"]) else []
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found += [ast.unparse(node)] if LOADERS.search(ast.unparse(node)) else []
        elif isinstance(node, ast.Name) and node.id in ("exec", "eval", "compile"):
            found.append(node.id)
    return found


def test_what_code_loads_is_named_where_it_is_loaded() -> None:
    hidden = (
        "importlib.import_module(name)",
        "__import__(name)",
        "import_module('.x', 'reprise.report')",
        "from importlib import import_module as load",
        "import importlib.util",
        "import runpy",
        "exec(text)",
    )
    seen = (
        "importlib.import_module('a.b')",
        "import_module('.x', __package__)",
        "from importlib.metadata import version",
    )
    assert [line for line in (*hidden, *seen) if hidden_imports(line)] == list(hidden)
    assert {named(path): found for path in CODE.rglob("*.py") if (found := hidden_imports(path.read_text()))} == {}


def test_each_file_beside_code_counts_for_some_step() -> None:
    programs = [path for path in CODE.glob("*/*.py") if path.parent.name != "reprise"]
    counted = {file for program in programs for file in import_closure(program)}
    files = [path for path in CODE.rglob("*") if path.is_file() and not {".py", ".pyc"} & {path.suffix}]
    assert [named(path) for path in files if path not in counted] == []


def test_no_machine_or_registry_is_named() -> None:
    texts = {path: path.read_bytes().decode(errors="replace") for path in tracked_files()}
    assert {named(path): found[0] for path, text in texts.items() if (found := NOT_TO_BE_NAMED.search(text))} == {}


@pytest.mark.parametrize("rule", job_rules(*STUDIES), ids=lambda rule: rule.name)
def test_rule_keeps_to_the_house(rule: Rule) -> None:
    command = rule.shellcmd
    assert rule.is_shell, "rules run a step by `shell:`, never by `script:` or `run:`"
    assert command.startswith("exec python workflow_scripts/"), "a signal reaches only a command that is exec-ed"
    assert not set("|;&<>`$\n") & set(PLACEHOLDER.sub("", command)), "one command: no pipe, redirection or variable"
    assert [field for field in PLACEHOLDER.findall(command) if not field.endswith(":q")] == [], "quote with :q"
    assert (CODE / step_of(rule)).is_file()
    names = Counter(option_names(rule))
    assert [name for name, times in names.items() if times > 1] == [], "one name, one value"
    assert {"--checkpoints", "--settings"} & {*names} != {"--checkpoints"}, "parts of a killed step depend on its code"
    assert len(rule.log) == 1 and str(rule.log[0]).startswith("results/logs/")
    assert rule.benchmark is not None and str(rule.benchmark).startswith("results/benchmarks/")
    assert rule.conda_env is not None and (ROOT / "envs" / Path(str(rule.conda_env)).name).is_file()
    assert {"mem_mb", "runtime"} <= rule.resources.keys()
    assert "gpu" not in rule.resources or rule.resources["nodes"].value == 1, "Slurm may split GPUs over nodes"
    assert rule.wildcard_names <= {*rule.wildcard_constraints, *rule.workflow.wildcard_constraints}


def test_each_rule_carries_the_fingerprint_of_its_own_step() -> None:
    wildcards = SimpleNamespace(
        run="unet_2d-seed0", protocol="sound", network="r2plus1d_18", weights="kinetics400", task="chest", method="lora"
    )
    specs = {rule: json.loads(rule.params.spec(wildcards)) for rule in job_rules(*STUDIES)}
    assert [rule.name for rule, spec in specs.items() if spec["code"] != code_digest(step_of(rule))] == []


SHOW_HELP = """
import contextlib, io, json, re, runpy, sys
for step, options in json.loads(sys.argv[1]).items():
    sys.argv, text = [step, "--help"], io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        runpy.run_path(step, run_name="__main__")
    missing = {"--log", *options} - set(re.findall(r"--[a-z][a-z-]*", text.getvalue()))
    assert not missing, f"{step} has no {missing}"
"""


@pytest.mark.parametrize("study", sorted({step_of(rule).split("/")[0] for rule in job_rules(*STUDIES)}))
def test_every_step_answers_help_and_knows_its_rules_options(study: str) -> None:
    steps = sorted({CODE / step_of(rule) for rule in job_rules(*STUDIES) if step_of(rule).startswith(f"{study}/")})
    assert not {step.stem for step in steps} & sys.stdlib_module_names, "a step's folder comes first on sys.path"
    assert [named(step) for step in steps if not ast.get_docstring(ast.parse(step.read_bytes()))] == []
    options = {str(step): [] for step in steps}
    for rule in job_rules(*STUDIES):
        options.get(str(CODE / step_of(rule)), []).extend(option_names(rule))
    command = [sys.executable, "-c", SHOW_HELP, json.dumps(options)]
    search = {"PYTHONPATH": f"{CODE / study}:{CODE}"}
    done = subprocess.run(command, env=search, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
