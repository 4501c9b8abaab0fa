"""Draw how Dice is distributed over the test images, a row for each run."""

import argparse
from pathlib import Path

import pandas as pd

from echonet.figure_data import figure_parser, read_table, run_label
from reprise.command import run
from reprise.plots.segmentation import dice, draw_dice
from reprise.plots.style import save_figure

COLUMNS = ["case", "split", "image", "intersection", "union", "tracing_ok"]


def arguments() -> argparse.ArgumentParser:
    parser = figure_parser(__doc__)
    parser.add_argument("--overlap", type=Path, nargs="+", required=True, help="{run}/overlap.csv, a row an image")
    return parser


def main(args: argparse.Namespace) -> None:
    pieces = []
    for path in args.overlap:
        images = read_table(path, COLUMNS).query("split == 'test'")[
            ["case", "image", "intersection", "union", "tracing_ok"]
        ]
        images.insert(0, "run", run_label(path.parent.name))
        pieces.append(images.assign(dice=dice(images["intersection"], images["union"])))
    table = pd.concat(pieces, ignore_index=True)
    save_figure(draw_dice(table), args.figure, table, args.table)


if __name__ == "__main__":
    run(main, arguments())
