"""Draw scores against shots, method by method with the spread over experiments and seeds, beside published points."""

import argparse
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from medfm.analysis.protocols import TASKS
from medfm.analysis.shots_figure import draw_shots, measures_of
from reprise.plots.steps import DECIMALS, figure_parser
from reprise.plots.style import save_figure
from reprise.step.command import json_object, run
from reprise.step.errors import InputError
from reprise.step.tables import read_table

SPREAD: dict[str, type] = dict.fromkeys(("protocol", "network", "method", "task", "measure"), str)
SPREAD |= {"shots": int, "runs": int, "mean": float, "sd": float}
POINT = re.compile(r"(?P<network>[^/]+)/challenge/(?P<task>\w+)/(?P<shots>\d+)-shot/(?P<measure>\w+)")
LATER = re.compile(r"later/(?P<network>[^/]+)/(?P<measure>auc)_(?P<task>\w+)")  # all with 10 shots
POINTS = ["network", "task", "shots", "measure", "value"]


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    parser.add_argument(
        "--few-shot", type=Path, required=True, help="few_shot.csv: a row per method, shots and measure"
    )
    parser.add_argument("--settings", type=json_object, required=True, help="JSON: points, the published figures")
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw the methods of the first network by the sound protocol, and the published points; write their values."""
    table = read_table(args.few_shot, SPREAD)
    table = table[(table["protocol"] == "sound") & (table["runs"] > 0)]
    if table.empty:
        raise InputError(f"{args.few_shot}: no rows by the sound protocol")
    table = table[table["network"] == table["network"].iloc[0]]
    table = table[[measure in measures_of(task) for task, measure in zip(table["task"], table["measure"], strict=True)]]
    points = pd.DataFrame(published_points(args.settings["points"]), columns=POINTS)
    drawn = points.rename(columns={"value": "mean"}).assign(protocol="published", method="published")
    columns = ["protocol", "network", "method", "task", "shots", "measure", "mean", "sd", "runs"]
    shown = pd.concat([table, drawn], ignore_index=True)[columns]
    save_figure(draw_shots(table, points), args.figure, shown.round(DECIMALS), args.table)


def published_points(figures: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """Rows of the published few-shot figures.

    Args:
        figures: by quantity, such as swin_base/challenge/chest/5-shot/map, or later/swin_base/auc_chest of 10 shots.
    """
    for quantity, value in figures.items():
        point = POINT.fullmatch(quantity) or LATER.fullmatch(quantity)
        if point and point["task"] in TASKS and point["measure"] in measures_of(point["task"]):
            found = {"shots": "10"} | point.groupdict()
            yield found | {"shots": int(found["shots"]), "value": value}


if __name__ == "__main__":
    run(main, arguments())
