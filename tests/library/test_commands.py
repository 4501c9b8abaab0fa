"""Every `snakemake` command that a user is told to type is one that Snakemake understands as it is meant."""

import ast
import re
import shlex
from pathlib import Path

import pytest
from snakemake.cli import get_argument_parser, parse_config

ROOT = Path(__file__).resolve().parents[2]
TEXTS = (
    "README.md",
    "Makefile",
    "config.yaml",
    "docs/*.md",
    "slurm/*.yaml",
    "profiles/*/*.yaml",
    "tools/*",
    "rules/**/*.smk",
)
# Up to the end of the code, the line or the string, or to the comment after it.
COMMAND = re.compile(r"(?<![\w.-])snakemake (?=[-.a-z]).*?(?=[`\"\n]|\s\s|$)", re.MULTILINE)
TARGETS = ("results/report.html", "predict", "predict_echonet", "predict_mslesion")


def told() -> list[tuple[str, str]]:
    """File and command, for each command in the documents, the configuration, set-up, and what the code says."""
    files = {path: path.read_text() for pattern in TEXTS for path in ROOT.glob(pattern)}
    for path in (ROOT / "workflow_scripts").rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        files[path] = "\n".join(str(node.value) for node in nodes if isinstance(node, ast.Constant))
    return [(str(path.relative_to(ROOT)), found) for path, text in files.items() for found in COMMAND.findall(text)]


def understood(command: str) -> tuple[set[str], list[str]]:
    """The targets in a command, and those that Snakemake finds there.

    Raises:
        SystemExit, ValueError: Snakemake does not understand it.
    """
    words = shlex.split(command.replace("...", TARGETS[0]))[1:]
    args = get_argument_parser().parse_args(words)
    parse_config(args.config)
    return {word for word in words if word in TARGETS}, args.targets


def test_what_users_are_told_to_type_is_understood() -> None:
    commands = told()
    files = {file for file, _ in commands}
    assert {"README.md", "tools/setup.sh", "config.yaml", "slurm/profile.yaml", "docs/cluster.md"} <= files
    assert "workflow_scripts/echonet/beat_by_beat.py" in files
    for file, command in commands:
        meant, found = understood(command)
        assert set(found) == meant, f"{file}: {command}"


def test_an_option_with_several_values_takes_the_target_that_follows() -> None:
    assert understood("snakemake results/report.html --sdm conda") == ({TARGETS[0]}, [TARGETS[0]])
    for wrong in ("snakemake --sdm conda results/report.html", "snakemake --config seed=1 results/report.html"):
        with pytest.raises((SystemExit, ValueError)):
            understood(wrong)
