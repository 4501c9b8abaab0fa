"""Draw the area of the segmented left ventricle over time in a few test videos, with systoles by both rules."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from echonet.analysis.figure_data import evenly_over, scored_cases
from echonet.analysis.results import AREAS, read_systoles
from echonet.analysis.segmentation_figures import draw_areas
from reprise.data.store import open_store
from reprise.plots.steps import DECIMALS, figure_parser
from reprise.plots.style import save_figure
from reprise.step.command import json_object, run
from reprise.step.tables import read_table


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument("--areas", type=Path, required=True, help="areas.csv: one row per frame")
    parser.add_argument("--size", type=Path, required=True, help="size.csv: systoles by the published rule")
    parser.add_argument("--size-sound", type=Path, required=True, help="size_sound.csv: systoles by the sound rule")
    parser.add_argument("--settings", type=json_object, required=True, help="cases: how many, evenly over their EF")
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw the chosen videos and write their curves."""
    cases, areas = scored_cases(open_store(args.store)), read_table(args.areas, AREAS)
    systoles = {"published": read_systoles(args.size), "sound": read_systoles(args.size_sound)}
    chosen = evenly_over(cases["ef"][cases.index.isin(areas["case"])], args.settings["cases"])
    curves = [
        _curve(number, case, areas[areas["case"] == name], systoles)
        for number, (name, case) in enumerate(cases.loc[chosen].iterrows(), start=1)
    ]
    table = pd.concat(curves, ignore_index=True)
    save_figure(draw_areas(table), args.figure, table, args.table)


def _curve(
    number: int, case: pd.Series, areas: pd.DataFrame, systoles: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """A case's rows of the table that `draw_areas` draws. Its name, which may be a person's, is in the table only."""
    frame = areas["frame"]
    columns = {
        "case": case["case"],
        "title": f"video {number}: EF {case['ef']:.0f} %",
        "frame": frame,
        "seconds": (frame / case["fps"]).round(DECIMALS),
        "area": areas["area"],
    }
    flags = {f"systole_{rule}": frame.isin(found.get(case["case"], ())) for rule, found in systoles.items()}
    flags |= {f"traced_{name}": frame == case[f"{name}_frame"] for name in ("ed", "es")}
    return pd.DataFrame(columns | {name: flag.astype(int) for name, flag in flags.items()})


if __name__ == "__main__":
    run(main, arguments())
