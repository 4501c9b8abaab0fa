"""Draw the training curves of all runs of one task: segmentation or EF."""

import argparse
from pathlib import Path

import pandas as pd

from echonet.figure_data import figure_parser, read_table, run_label
from reprise.command import run
from reprise.errors import InputError
from reprise.plots.style import save_figure
from reprise.plots.training import draw_training

# The column that tells a task, and the labels of loss and score.
TASKS = {
    "val_dice_overall": ("cross-entropy a pixel (nats)", "Dice, validation"),
    "val_r2_sound": ("squared error (EF points²)", "R², validation"),
}


def arguments() -> argparse.ArgumentParser:
    parser = figure_parser(__doc__)
    parser.add_argument("--history", type=Path, nargs="+", required=True, help="{run}/log.csv, a row an epoch")
    return parser


def main(args: argparse.Namespace) -> None:
    tables = {path: read_table(path, ["epoch", "train_loss"]) for path in args.history}
    tasks = {column for table in tables.values() for column in TASKS if column in table}
    if len(tasks) != 1:
        raise InputError(f"{args.history[0]}: expected the column {' or '.join(TASKS)}, the same in all histories")
    pieces = [table.assign(run=run_label(path.parent.name)) for path, table in tables.items()]
    table = pd.concat(pieces, ignore_index=True)
    table.insert(0, "run", table.pop("run"))
    save_figure(draw_training(table, *TASKS[tasks.pop()]), args.figure, table, args.table)


if __name__ == "__main__":
    run(main, arguments())
