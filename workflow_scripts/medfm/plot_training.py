"""Draw the measure of each task over epochs, by all protocols, with the points that the write-up gives."""

import argparse
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from medfm.analysis.epoch_figure import PUBLISHED, draw_epochs
from medfm.analysis.protocols import CHOOSING
from medfm.analysis.task_rows import GIVEN
from reprise.evaluation.runs import run_label, run_of
from reprise.plots.steps import DECIMALS, figure_parser
from reprise.plots.style import save_figure
from reprise.step.command import json_object, run
from reprise.step.errors import InputError
from reprise.step.tables import read_table

LOGGED = {"map": "map", "image_accuracy": "accuracy"}
POINT = re.compile(r"[^/]+/writeup/(?P<task>\w+)/(?P<measure>\w+)_epoch(?P<epoch>\d+)")
COLUMNS = ["protocol", "task", "run", "epoch", "value", "kept"]


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    form = "RUN/PROTOCOL/TASK/log.csv: a row per epoch"
    parser.add_argument("--history", type=Path, nargs="+", required=True, help=form)
    parser.add_argument("--settings", type=json_object, required=True, help="JSON: points, the published figures")
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw all histories and the published points, and write their values."""
    table = pd.concat([read_history(path) for path in args.history], ignore_index=True)
    epochs = table.loc[table["protocol"] == "by_writeup", "epoch"].max()
    points = pd.DataFrame(published_points(args.settings["points"], epochs), columns=COLUMNS)
    table = pd.concat([table, points], ignore_index=True)
    save_figure(draw_epochs(table), args.figure, table.round(DECIMALS), args.table)


def read_history(path: Path) -> pd.DataFrame:
    """The history of one training with the columns `COLUMNS`; kept is the first epoch with the best value that chose.

    Raises:
        InputError: the file is damaged, has no epoch, or lies in no run's folder.
    """
    found, task = run_of(path.parent, "protocol"), path.parent.name
    if task not in GIVEN:
        raise InputError(f"{path}: expected a folder named {', '.join(GIVEN)}")
    split = "test" if found.protocol == "by_writeup" else "val"
    value = f"{split}_{LOGGED[GIVEN[task]]}"
    chose = f"{split}_{CHOOSING[found.protocol][task]}"
    table = read_table(path, {"epoch": int, value: float, chose: float})
    if table.empty:
        raise InputError(f"{path}: no epochs")
    kept = (table.index == table[chose].fillna(-1).idxmax()).astype(int)
    labels = {"protocol": found.protocol, "task": task, "run": run_label(found.run)}
    return pd.DataFrame({**labels, "epoch": table["epoch"], "value": table[value], "kept": kept})[COLUMNS]


def published_points(figures: Mapping[str, float], last: int) -> Iterable[dict[str, Any]]:
    """Rows of the published points up to an epoch.

    Args:
        figures: by quantity, such as densenet121/writeup/chest/map_epoch5.
        last: the last epoch that is drawn.
    """
    for quantity, value in figures.items():
        point = POINT.fullmatch(quantity)
        if point and int(point["epoch"]) <= last and point["measure"] == GIVEN.get(point["task"]):
            named = {"protocol": "by_writeup", "task": point["task"], "run": PUBLISHED}
            yield named | {"epoch": int(point["epoch"]), "value": value, "kept": 0}


if __name__ == "__main__":
    run(main, arguments())
