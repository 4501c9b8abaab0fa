"""Draw Dice against the time that a patient takes, for single networks and ensembles."""

import argparse
from pathlib import Path

from acdc.analysis.pareto_figure import draw_pareto
from reprise.plots.steps import figure_parser
from reprise.plots.style import save_figure
from reprise.step.command import run
from reprise.step.errors import InputError
from reprise.step.tables import read_table

COSTS = {"method": str, "mode": str, "patient_ms_p50": float, "dice": float, "gain": float, "gain_per_ms": float}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    parser.add_argument("--costs", type=Path, required=True, help="costs.csv: a row per method and way of running")
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw the plot and write its points."""
    table = read_table(args.costs, COSTS)
    if table.empty:
        raise InputError(f"{args.costs}: no methods")
    save_figure(draw_pareto(table), args.figure, table, args.table)


if __name__ == "__main__":
    run(main, arguments())
