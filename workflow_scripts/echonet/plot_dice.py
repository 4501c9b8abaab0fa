"""Draw the distribution of Dice over the test images: one row per run."""

import argparse
from pathlib import Path

import pandas as pd

from echonet.analysis.overlap import dice
from echonet.analysis.results import OVERLAP
from echonet.analysis.segmentation_figures import draw_dice
from reprise.evaluation.runs import run_label, run_of
from reprise.plots.steps import DECIMALS, figure_parser
from reprise.plots.style import save_figure
from reprise.step.command import run
from reprise.step.tables import read_table


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    parser.add_argument("--overlap", type=Path, nargs="+", required=True, help="{run}/overlap.csv: one row per image")
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw histograms and write the Dice of each test image."""
    pieces = []
    for path in args.overlap:
        images = read_table(path, OVERLAP).query("split == 'test'")
        values = dice(images["intersection"], images["union"]).round(DECIMALS)
        columns = images[["case", "image", "tracing_ok"]]
        pieces.append(pd.DataFrame({"run": run_label(run_of(path).run), **columns, "dice": values}))
    table = pd.concat(pieces, ignore_index=True)
    save_figure(draw_dice(table), args.figure, table, args.table)


if __name__ == "__main__":
    run(main, arguments())
