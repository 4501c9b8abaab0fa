"""The arguments of steps that draw a figure, and the digits of their tables."""

import argparse
from pathlib import Path

from reprise.step.command import step_parser

DECIMALS = 4


def figure_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser for a step that draws one figure."""
    parser = step_parser(description)
    parser.add_argument("--figure", type=Path, required=True, help="SVG to write")
    parser.add_argument("--table", type=Path, required=True, help="CSV to write: the numbers drawn")
    return parser
