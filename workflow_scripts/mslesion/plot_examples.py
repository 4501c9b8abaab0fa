"""Draw slices with true positive, false positive and false negative pixels, from the lowest Dice to the highest."""

import argparse

import numpy as np
import pandas as pd

from mslesion.analysis.figure_data import add_segmented, ranked_by_dice, segmented
from reprise.data.store import open_store
from reprise.evaluation.runs import run_of
from reprise.plots.confusion_map import COUNTS, KINDS, Example, as_grey, draw_confusion
from reprise.plots.slice_pictures import head_box
from reprise.plots.steps import DECIMALS, figure_parser
from reprise.plots.style import save_figure
from reprise.step.command import json_object, run


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    add_segmented(parser)
    parser.add_argument("--settings", type=json_object, required=True, help='{"slices": how many, one per scan}')
    return parser


def main(args: argparse.Namespace) -> None:
    """Choose scans at evenly spaced ranks of Dice, and draw the slice of each with most lesion in either mask."""
    store = open_store(args.store)
    ranked, run_folder = ranked_by_dice(args.volumes), run_of(args.volumes, "protocol")
    ranks = np.unique(np.linspace(0, len(ranked) - 1, args.settings["slices"]).round()).astype(int)
    examples, rows = [], []
    for rank in ranks:
        case = ranked.iloc[rank]
        scan = segmented(store, case["case"], args.masks)
        fullest = int((scan.codes > 0).sum(axis=(1, 2)).argmax())
        codes, grey = scan.codes[fullest], as_grey(scan.image)[fullest]
        box = head_box(grey[None], codes[None])
        title = f"Dice {case['dice']:.2f}\n{case['case']}"
        examples.append(Example(grey[box], codes[box], title, scan.spacing_mm[1] / scan.spacing_mm[2]))
        of = {"run": run_folder.run, "protocol": run_folder.protocol, "rank": rank + 1, "of": len(ranked)}
        named = {**of, **case[["fold", "case", "patient", "timepoint", "dice"]]}
        counts = dict(zip(COUNTS, (int((codes == code).sum()) for code in KINDS), strict=True))
        rows.append({**named, "slice": fullest + 1, "slices": len(scan.codes), **counts})
    table = pd.DataFrame(rows).round(DECIMALS)
    save_figure(draw_confusion(examples), args.figure, table, args.table)


if __name__ == "__main__":
    run(main, arguments())
