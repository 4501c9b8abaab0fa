"""Render the slices of the scan with the median Dice, each with its overlay, for the report's slice browser."""

import argparse
from pathlib import Path

from mslesion.analysis.figure_data import add_segmented, ranked_by_dice, segmented
from reprise.data.store import open_store
from reprise.evaluation.runs import run_of
from reprise.plots.slice_pictures import chosen_slices, write_slices
from reprise.plots.steps import DECIMALS
from reprise.step.command import json_object, run, step_parser
from reprise.step.files import outputs

INDEX = "slices.csv"


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = step_parser(__doc__)
    add_segmented(parser)
    parser.add_argument("--settings", type=json_object, required=True, help='{"slices": how many at most}')
    parser.add_argument("--output", type=Path, required=True, help="folder to write: pictures and slices.csv")
    return parser


def main(args: argparse.Namespace) -> None:
    """Write the pictures and their table; if the number of scans is even, take the lower of the middle two."""
    ranked, run_folder = ranked_by_dice(args.volumes), run_of(args.volumes, "protocol")
    case = ranked.iloc[(len(ranked) - 1) // 2]
    scan = segmented(open_store(args.store), case["case"], args.masks)
    chosen = chosen_slices(scan.codes, args.settings["slices"])
    labels = {"run": run_folder.run, "protocol": run_folder.protocol, **case[["fold", "case", "patient", "timepoint"]]}
    with outputs(args.output) as (folder,):
        folder.mkdir()
        table = write_slices(folder, scan.image, scan.codes, chosen, scan.spacing_mm[1:])
        table.assign(**labels, dice=round(case["dice"], DECIMALS)).to_csv(folder / INDEX, index=False)


if __name__ == "__main__":
    run(main, arguments())
