"""Draw the EF error by the number of beats: in the experiment on 1 to 5 beats, and by beats found in a video."""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from echonet.analysis.beats_figure import draw_error_by_beats
from reprise.evaluation.runs import run_label, run_of
from reprise.plots.steps import DECIMALS, figure_parser
from reprise.plots.style import save_figure
from reprise.step.command import run
from reprise.step.tables import read_table

VIDEOS = {"case": str, "ef": float, "beat_by_beat": float, "beats": int}
DRAWS = {"beats": int, "run": int, "mae": float}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = figure_parser(__doc__)
    parser.add_argument("--beats", type=Path, nargs="+", required=True, help="{run}/{protocol}/beats.csv")
    parser.add_argument("--beat-count", type=Path, nargs="+", required=True, help="{run}/{protocol}/beat_count.csv")
    return parser


def main(args: argparse.Namespace) -> None:
    """Draw both parts of the figure and write their values."""
    pieces = []
    for path in args.beat_count:
        draws = read_table(path, DRAWS)
        pieces.append(
            _labelled(path, "experiment", beats=draws["beats"], item=draws["run"], absolute_error=draws["mae"])
        )
    for path in args.beats:
        videos = read_table(path, VIDEOS)
        error = (videos["beat_by_beat"] - videos["ef"]).abs().round(DECIMALS)
        pieces.append(_labelled(path, "videos", beats=videos["beats"], item=videos["case"], absolute_error=error))
    table = pd.concat(pieces, ignore_index=True).dropna(subset="absolute_error")
    save_figure(draw_error_by_beats(table, "EF points"), args.figure, table, args.table)


def _labelled(path: Path, part: str, **columns: Any) -> pd.DataFrame:
    """Rows of one file with the run and protocol that its path names."""
    run_folder = run_of(path, "protocol")
    return pd.DataFrame({"run": run_label(run_folder.run), "part": part, "protocol": run_folder.protocol, **columns})


if __name__ == "__main__":
    run(main, arguments())
