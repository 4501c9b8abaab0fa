"""Draw the training curves of all runs: by class for each protocol, and of the sound one by fold, too."""

import argparse
from pathlib import Path

import pandas as pd

from iseg.analysis.protocols import CLASSES, PUBLISHED
from iseg.analysis.shown import CLASS_NAMES
from reprise.evaluation.runs import run_label, run_of
from reprise.plots.folds import draw_folds
from reprise.plots.steps import figures_parser
from reprise.plots.style import Drawn, save_figures
from reprise.plots.training_curves import Curve, draw_training
from reprise.step.command import run
from reprise.step.errors import InputError
from reprise.step.tables import read_table

MEASURES = {"loss": "loss", "dice": "Dice"} | {f"dice_{name}": CLASS_NAMES[name] for name in CLASSES}
CURVES = {label: Curve(f"val_{name}", f"train_{name}") for name, label in MEASURES.items()}
HISTORY = {"epoch": int} | {f"{part}_{name}": float for name in MEASURES for part in ("train", "val")}
CHOSEN_BY = "val_argmax_dice"  # highest at the epoch that `sound` keeps
BY_FOLD = {"val_loss": "loss", "val_dice": "soft Dice of the tissues", CHOSEN_BY: "Dice of the class found"}
TRAINING = {"val_loss": "train_loss", "val_dice": "train_dice"}  # on the same scale
FIGURES = ("training", "classes", "folds")
MOST_POINTS = 1800  # of all lines of a figure


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figures_parser(__doc__, len(FIGURES))
    form = "RUN/PROTOCOL/foldN/log.csv: a row per epoch"
    parser.add_argument("--history", type=Path, nargs="+", required=True, help=form)
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw panels by class for the published protocols and the sound one, and a row for each run by the latter."""
    table = pd.concat([read_history(path) for path in args.history], ignore_index=True)
    sound = table["protocol"] == "sound"
    published = table[~sound].assign(protocol=table["protocol"].map(PUBLISHED)).drop(columns=CHOSEN_BY)
    by_class = [thinned(each, 2 * len(CURVES)) for each in (published, mean_of_folds(table[sound]))]
    folds = thinned(table[sound], len(BY_FOLD) + len(TRAINING))
    drawn = (
        *(draw_training(each, CURVES, columns=3, height=1.55, ticks=3, training="training") for each in by_class),
        draw_folds(folds.assign(run=folds["run"].map(two_lines)), BY_FOLD, TRAINING),
    )
    save_figures(*map(Drawn, drawn, args.figures, (*by_class, folds), args.tables))


def mean_of_folds(sound: pd.DataFrame) -> pd.DataFrame:
    """The mean history of each run over its folds; `kept` is 0, because each fold keeps an epoch of its own."""
    columns = [column for curve in CURVES.values() for column in curve]
    means = sound.groupby(["protocol", "run", "epoch"], sort=False)[columns].mean().reset_index()
    return means.assign(fold="mean", kept=0)


def two_lines(run: str) -> str:
    """The name of a run so that the figure breaks its line."""
    network, seed = run.split(", ")
    return f"{network} ({seed})"


def thinned(table: pd.DataFrame, lines: int) -> pd.DataFrame:
    """The histories with every n-th epoch, and those that were kept, so that a figure of many epochs stays small.

    Args:
        table: the histories.
        lines: how many columns are drawn.
    """
    every = -(-len(table) * lines // MOST_POINTS)
    return table[((table["epoch"] - 1) % every == 0) | (table["kept"] == 1)]


def read_history(path: Path) -> pd.DataFrame:
    """A run's history with the columns protocol, run, fold and kept (1 at the epoch of the weights, or 0).

    The published protocols keep the first epoch with the lowest loss in validation, `sound` the first with the highest
    Dice of the tissues, of the most probable class (`CHOSEN_BY`, which only its histories have).

    Raises:
        InputError: the file is damaged, has no epoch, or lies in no fold's folder.
    """
    found = run_of(path, "protocol", "fold")
    sound = found.protocol == "sound"
    table = read_table(path, HISTORY | ({CHOSEN_BY: float} if sound else {}))
    if table.empty:
        raise InputError(f"{path}: no epochs")
    chosen_by = -table[CHOSEN_BY] if sound else table["val_loss"]
    kept = (table.index == chosen_by.fillna(float("inf")).idxmin()).astype(int)
    labels = {"protocol": found.protocol, "run": run_label(found.run), "fold": found.fold}
    return pd.DataFrame({**labels, **table, "kept": kept})


if __name__ == "__main__":
    run(main, arguments())
