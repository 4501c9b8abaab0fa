"""Draw the training curves of all runs of one task: segmentation or EF."""

import argparse
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from echonet.analysis.training_figure import draw_training
from reprise.evaluation.runs import run_label, run_of
from reprise.plots.steps import figure_parser
from reprise.plots.style import save_figure
from reprise.step.command import run
from reprise.step.errors import InputError
from reprise.step.tables import read_table


class Task(NamedTuple):
    """What a task logs beside epoch and training loss, and the names of its loss and its score."""

    columns: tuple[str, ...]
    loss: str
    score: str


TASKS = {
    "segmentation": Task(
        ("val_loss", "val_dice_overall", "val_dice_large", "val_dice_small"),
        "cross-entropy a pixel (nats)",
        "Dice, validation",
    ),
    "ef": Task(
        ("val_loss_published", "val_loss_sound", "val_r2_published", "val_r2_sound"),
        "squared error (EF points²)",
        "R², validation",
    ),
}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    parser.add_argument("--history", type=Path, nargs="+", required=True, help="{run}/log.csv: one row per epoch")
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw a row of panels for each run, and write the histories."""
    names = {run_of(path, "task").task for path in args.history}
    if len(names) != 1:
        raise InputError("expected histories of one task; found both segmentation and EF")
    task = TASKS[names.pop()]
    types = {"epoch": int, "train_loss": float, **dict.fromkeys(task.columns, float)}
    tables = [pd.DataFrame({"run": run_label(run_of(path).run), **read_table(path, types)}) for path in args.history]
    table = pd.concat(tables, ignore_index=True)
    save_figure(draw_training(table, task.loss, task.score), args.figure, table, args.table)


if __name__ == "__main__":
    run(main, arguments())
