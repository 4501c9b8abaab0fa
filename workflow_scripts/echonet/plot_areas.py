"""Draw the area of the segmented left ventricle over time in a few test videos, with systoles by both rules."""

import argparse
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from echonet.figure_data import evenly_over, figure_parser, read_cases, read_systoles, read_table
from reprise.command import json_object, run
from reprise.plots.segmentation import draw_areas
from reprise.plots.style import save_figure


def arguments() -> argparse.ArgumentParser:
    parser = figure_parser(__doc__)
    parser.add_argument("--store", type=Path, required=True, help="store that the areas belong to")
    parser.add_argument("--areas", type=Path, required=True, help="areas.csv, a row a frame")
    parser.add_argument("--size", type=Path, required=True, help="size.csv: systoles by the published rule")
    parser.add_argument("--size-sound", type=Path, required=True, help="size_sound.csv: systoles by the sound rule")
    parser.add_argument("--settings", type=json_object, required=True, help="cases: how many, evenly over their EF")
    return parser


def main(args: argparse.Namespace) -> None:
    cases = read_cases(args.store)
    areas = read_table(args.areas, ["case", "frame", "area"])
    systoles = {"published": read_systoles(args.size), "sound": read_systoles(args.size_sound)}
    chosen = evenly_over(cases["ef"][cases.index.isin(areas["case"])], args.settings["cases"])
    curves = [_curve(case, areas[areas["case"] == name], systoles) for name, case in cases.loc[chosen].iterrows()]
    table = pd.concat(curves, ignore_index=True)
    save_figure(draw_areas(table), args.figure, table, args.table)


def _curve(case: pd.Series, areas: pd.DataFrame, systoles: Mapping[str, Mapping]) -> pd.DataFrame:
    """A case's rows of the table that `draw_areas` draws."""
    frame = areas["frame"]
    flags = {
        f"systole_{rule}": frame.isin(found.get(str(case.name), ())).astype(int) for rule, found in systoles.items()
    }
    human = {f"human_{name}": (frame == case[f"{name}_frame"]).astype(int) for name in ("ed", "es")}
    title = f"{case.name}: EF {case['ef']:.0f} %"
    seconds = (frame / case["fps"]).round(4)
    return pd.DataFrame(
        {"case": case.name, "title": title, "frame": frame, "seconds": seconds, "area": areas["area"], **flags, **human}
    )


if __name__ == "__main__":
    run(main, arguments())
