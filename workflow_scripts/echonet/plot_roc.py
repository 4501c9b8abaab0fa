"""Draw ROC curves for detecting a reduced EF at four thresholds: one panel per run and protocol."""

import argparse

import pandas as pd

from echonet.analysis.ef_steps import ef_parser, read_ef
from echonet.analysis.figure_data import scored_cases
from echonet.analysis.measures import EF_THRESHOLDS, LEVELS
from echonet.analysis.roc_figure import draw_roc, roc_points
from reprise.data.store import open_store
from reprise.plots.style import groups, save_figure
from reprise.step.command import run


def main(args: argparse.Namespace) -> None:
    """Draw a panel for each run and protocol, and write the corners of its curves."""
    pieces = []
    for panel, part in groups(read_ef(args.predictions, scored_cases(open_store(args.store))), "panel"):
        level = LEVELS[part["protocol"].iloc[0]]
        points = roc_points(part["truth"].to_numpy(), part["prediction"].to_numpy(), EF_THRESHOLDS, level)
        pieces.append(pd.DataFrame({"panel": panel, "clips": part["clips"].iloc[0], **points}))
    table = pd.concat(pieces, ignore_index=True)
    save_figure(draw_roc(table, "EF", "%"), args.figure, table, args.table)


if __name__ == "__main__":
    run(main, ef_parser(__doc__))
