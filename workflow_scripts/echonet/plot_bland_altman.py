"""Draw the agreement of predicted with measured EF (Bland-Altman), a panel for each run and protocol."""

import argparse

from echonet.figure_data import ef_parser, read_ef
from reprise.command import run
from reprise.plots.regression import agreement, draw_agreement
from reprise.plots.style import save_figure


def main(args: argparse.Namespace) -> None:
    table = agreement(read_ef(args))
    save_figure(draw_agreement(table, "EF", "%"), args.figure, table, args.table)


if __name__ == "__main__":
    run(main, ef_parser(__doc__))
