"""Draw ROC curves for telling a reduced EF at four thresholds, a panel for each run and protocol."""

import argparse

import pandas as pd

from echonet.figure_data import ef_parser, read_ef
from reprise.command import run
from reprise.plots.roc import draw_roc, roc_points
from reprise.plots.style import groups, save_figure

THRESHOLDS = (35, 40, 45, 50)
LEVELS = {"published": 0.90, "sound": 0.95}


def main(args: argparse.Namespace) -> None:
    pieces = []
    for panel, part in groups(read_ef(args), "panel"):
        level = LEVELS[part["protocol"].iloc[0]]
        points = roc_points(part["truth"].to_numpy(), part["prediction"].to_numpy(), THRESHOLDS, level)
        points.insert(0, "panel", panel)
        points.insert(1, "clips", part["clips"].iloc[0])
        pieces.append(points)
    table = pd.concat(pieces, ignore_index=True)
    save_figure(draw_roc(table, "EF", "%"), args.figure, table, args.table)


if __name__ == "__main__":
    run(main, ef_parser(__doc__))
