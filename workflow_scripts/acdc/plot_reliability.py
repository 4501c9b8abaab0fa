"""Draw the reliability diagrams of the networks and of two ensembles, before and after temperature scaling."""

import argparse
from pathlib import Path

from acdc.analysis.shown import drawn_methods, method_name
from reprise.plots.reliability_panels import draw_reliability
from reprise.plots.steps import DECIMALS, figure_parser
from reprise.plots.style import save_figure
from reprise.step.command import run
from reprise.step.errors import InputError
from reprise.step.tables import read_table

BINS = {"method": str, "scaled": int, "bin": int, "confidence": float, "accuracy": float, "share": float}
TITLES = {0: "as predicted", 1: "after temperature scaling"}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    parser.add_argument("--bins", type=Path, required=True, help="bins.csv: a row per method, scaling and bin")
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw both diagrams and write their bins."""
    table = read_table(args.bins, BINS)
    if table.empty:
        raise InputError(f"{args.bins}: no bins")
    table = table[table["method"].isin(drawn_methods(table))]
    named = table.assign(method=table["method"].map(method_name))
    parts = {title: named[named["scaled"] == scaled] for scaled, title in TITLES.items()}
    look = {"xlabel": "confidence", "xlim": (0.2, 1), "ylim": (0, 1.02)}
    figure = draw_reliability(parts, "method", 2.9, "share that is right", **look)
    save_figure(figure, args.figure, table.round(DECIMALS), args.table)


if __name__ == "__main__":
    run(main, arguments())
