"""Draw the agreement of predicted with measured EF (Bland-Altman): one panel per run and protocol."""

import argparse

from echonet.analysis.ef_steps import ef_parser, read_ef
from echonet.analysis.figure_data import scored_cases
from reprise.data.store import open_store
from reprise.plots.agreement import agreement, draw_agreement
from reprise.plots.steps import DECIMALS
from reprise.plots.style import save_figure
from reprise.step.command import run


def main(args: argparse.Namespace) -> None:
    """Draw a panel for each run and protocol, and write its points."""
    table = agreement(read_ef(args.predictions, scored_cases(open_store(args.store)))).round(DECIMALS)
    save_figure(draw_agreement(table, "EF (%)", "EF points"), args.figure, table, args.table)


if __name__ == "__main__":
    run(main, ef_parser(__doc__))
