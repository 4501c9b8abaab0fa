"""Draw how often findings are there against their probability, a panel for each task, by the sound protocol."""

import argparse
from pathlib import Path

from medfm.analysis.shown import TASK_NAMES
from reprise.plots.reliability_panels import draw_reliability
from reprise.plots.steps import DECIMALS, figure_parser
from reprise.plots.style import save_figure
from reprise.step.command import run
from reprise.step.errors import InputError
from reprise.step.tables import read_table

BINS = {"network": str, "task": str, "bin": int, "confidence": float, "accuracy": float, "share": float}
HEIGHT = 2.4  # inches


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    parser.add_argument("--calibration", type=Path, required=True, help="calibration.csv: a row per run, task and bin")
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw the three panels and write their bins."""
    table = read_table(args.calibration, BINS)
    if table.empty:
        raise InputError(f"{args.calibration}: no bins")
    parts = {name: table[table["task"] == task] for task, name in TASK_NAMES.items()}
    look = {"xlabel": "probability", "xlim": (0, 1), "ylim": (0, 1.02)}
    figure = draw_reliability(parts, "network", HEIGHT, "share with the finding", **look)
    save_figure(figure, args.figure, table.round(DECIMALS), args.table)


if __name__ == "__main__":
    run(main, arguments())
