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


def figures_parser(description: str | None, count: int) -> argparse.ArgumentParser:
    """A parser for a step that draws several figures from the same tables; their order is that of the step."""
    parser = step_parser(description)
    parser.add_argument("--figures", type=Path, nargs=count, required=True, help="SVGs to write")
    parser.add_argument("--tables", type=Path, nargs=count, required=True, help="CSVs to write: the numbers drawn")
    return parser
