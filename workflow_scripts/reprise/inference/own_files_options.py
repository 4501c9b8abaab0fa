"""Options of the steps that predict for a user's own files."""

import argparse
from pathlib import Path

from reprise.step.command import json_object, step_parser


def own_files_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser for a step that predicts for a user's own files; the step adds its weights."""
    parser = step_parser(description)
    parser.add_argument("--key", type=Path, required=True, help="key of name_files.py, which lists the files")
    parser.add_argument(
        "--settings", type=json_object, default={}, help='{"code": ...}: what other code has kept is ignored'
    )
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder from which a killed run goes on")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--findings", type=Path, required=True, help="CSV of what is odd, unreadable or left out")
    return parser
