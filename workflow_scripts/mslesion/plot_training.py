"""Draw the training curves of all folds: loss, accuracy, Dice, sensitivity, specificity, and the epochs kept."""

import argparse
from pathlib import Path

import pandas as pd

from mslesion.analysis.protocols import CHOSEN_BY
from reprise.evaluation.runs import run_label, run_of
from reprise.plots.folds import draw_folds
from reprise.plots.steps import figure_parser
from reprise.plots.style import save_figure
from reprise.step.command import run
from reprise.step.errors import InputError
from reprise.step.tables import read_table

MEASURES = {
    "val_loss": "loss",
    "val_accuracy": "accuracy",
    "val_dice": "Dice, pooled",
    "val_volume_dice": "Dice of a volume",
    "val_sensitivity": "sensitivity",
    "val_specificity": "specificity",
}
PRINTED_SPECIFICITY = "val_printed_specificity"  # drawn as the specificity of the published protocol


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    parser.add_argument(
        "--history", type=Path, nargs="+", required=True, help="RUN/PROTOCOL/foldN/log.csv: one row per epoch"
    )
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw rows of panels for each run and protocol, with one line per fold."""
    table = pd.concat([read_history(path) for path in args.history], ignore_index=True)
    save_figure(draw_folds(table, MEASURES, {"val_loss": "train_loss"}), args.figure, table, args.table)


def read_history(path: Path) -> pd.DataFrame:
    """A fold's history: run, protocol, fold, epoch, train_loss, the measures, and kept (1 at the kept epoch, or 0).

    Raises:
        InputError: the file is damaged, has no epoch, or lies in no fold's folder.
    """
    run = run_of(path, "protocol", "fold")
    choice = CHOSEN_BY[run.protocol]
    columns = [*MEASURES, PRINTED_SPECIFICITY, choice]
    table = read_table(path, {"epoch": int, "train_loss": float, **dict.fromkeys(columns, float)})
    if table.empty:
        raise InputError(f"{path}: no epochs")
    best = table[choice].fillna(float("inf")).idxmin()
    table["kept"] = (table.index == best).astype(int)
    labels = {"run": run_label(run.run, run.protocol), "protocol": run.protocol, "fold": run.fold}
    if run.protocol != "sound":
        table["val_specificity"] = table[PRINTED_SPECIFICITY]
    return pd.DataFrame({**labels, **table.drop(columns=[choice, PRINTED_SPECIFICITY])})


if __name__ == "__main__":
    run(main, arguments())
