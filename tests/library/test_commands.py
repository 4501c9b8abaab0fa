"""Snakemake understands every `snakemake` command in the documents and messages as it is meant."""

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
    "sge/*.yaml",
    "profiles/*/*.yaml",
    "tools/*",
    "rules/**/*.smk",
)
# Up to the end of the code, the line or the string, or to the comment after it.
COMMAND = re.compile(r"(?<![\w.-])snakemake (?=[-.a-z]).*?(?=[`\"\n]|\s\s|$)", re.MULTILINE)
REPORT = "results/report.html"
TARGETS = re.compile(r"results/report\.html|predict(_\S+)?")


def commands_for_users() -> list[tuple[str, str]]:
    """File and command, for each command in documents, configuration, set-up and the messages of the code."""
    files = {path: path.read_text() for pattern in TEXTS for path in ROOT.glob(pattern) if path.is_file()}
    for path in (ROOT / "workflow_scripts").rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        files[path] = "\n".join(str(node.value) for node in nodes if isinstance(node, ast.Constant))
    return [(str(path.relative_to(ROOT)), found) for path, text in files.items() for found in COMMAND.findall(text)]


def understood(command: str) -> tuple[set[str], list[str]]:
    """The targets in a command, and those that Snakemake finds there.

    Raises:
        SystemExit, ValueError: Snakemake does not understand it.
    """
    words = shlex.split(command.replace("...", REPORT))[1:]
    args = get_argument_parser().parse_args(words)
    parse_config(args.config)
    return {word for word in words if TARGETS.fullmatch(word)}, args.targets


def test_commands_for_users_are_understood() -> None:
    commands = commands_for_users()
    files = {file for file, _ in commands}
    assert {
        "README.md",
        "tools/setup.sh",
        "config.yaml",
        "slurm/profile.yaml",
        "sge/profile.yaml",
        "docs/cluster.md",
    } <= files
    assert "workflow_scripts/echonet/beat_by_beat.py" in files
    for file, command in commands:
        meant, found = understood(command)
        assert set(found) == meant, f"{file}: {command}"


def test_an_option_with_several_values_takes_the_target_that_follows() -> None:
    assert understood("snakemake results/report.html --sdm conda") == ({REPORT}, [REPORT])
    for wrong in ("snakemake --sdm conda results/report.html", "snakemake --config seed=1 results/report.html"):
        with pytest.raises((SystemExit, ValueError)):
            understood(wrong)
