"""Draw the training curves of all runs by both protocols, and the epochs whose weights were kept."""

import argparse
from pathlib import Path

import pandas as pd

from reprise.evaluation.runs import run_label, run_of
from reprise.plots.steps import figure_parser
from reprise.plots.style import save_figure
from reprise.plots.training_curves import Curve, draw_training
from reprise.step.command import run
from reprise.step.errors import InputError
from reprise.step.tables import read_table

HISTORY = {"epoch": int, "train_loss": float, "val_loss": float, "val_dice": float}
CURVES = {"loss": Curve("val_loss", "train_loss"), "Dice, validation": Curve("val_dice")}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    parser.add_argument("--history", type=Path, nargs="+", required=True, help="RUN/PROTOCOL/log.csv: a row per epoch")
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw a row of panels for each protocol, and write the histories."""
    table = pd.concat([read_history(path) for path in args.history], ignore_index=True)
    figure = draw_training(table, CURVES, columns=2, height=2.3, ticks=5, training="training loss")
    save_figure(figure, args.figure, table, args.table)


def read_history(path: Path) -> pd.DataFrame:
    """A run's history with the columns protocol, run and kept (1 at the epoch of the weights, or 0).

    `published` keeps the last epoch, `sound` the first with the highest Dice of the validation patients.

    Raises:
        InputError: the file is damaged, has no epoch, or lies in no run's folder.
    """
    found = run_of(path, "protocol")
    table = read_table(path, HISTORY)
    if table.empty:
        raise InputError(f"{path}: no epochs")
    best = table.index[-1] if found.protocol == "published" else table["val_dice"].fillna(-1).idxmax()
    kept = (table.index == best).astype(int)
    return pd.DataFrame({"protocol": found.protocol, "run": run_label(found.run), **table, "kept": kept})


if __name__ == "__main__":
    run(main, arguments())
