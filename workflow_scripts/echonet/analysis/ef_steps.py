"""The arguments and the table of figures of predicted against measured EF."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from echonet.analysis.measures import by_video
from echonet.analysis.results import read_clips
from reprise.evaluation.runs import run_label, run_of
from reprise.plots.steps import DECIMALS, figure_parser


def ef_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser for a step that draws predicted against measured EF, one panel per file."""
    parser = figure_parser(description)
    parser.add_argument("--store", type=Path, required=True, help="folder of the decoded data set")
    parser.add_argument(
        "--predictions", type=Path, nargs="+", required=True, help="{run}/{protocol}/test_predictions.csv"
    )
    return parser


def read_ef(paths: Sequence[Path], cases: pd.DataFrame) -> pd.DataFrame:
    """EF of each case by each file of predictions.

    Returns: columns panel, protocol, clips, case, truth, prediction, both in percent. A video's prediction is the mean
        of all its clips (clips "all"), or that of its first clip (clips "first") if not all were predicted; NaN if
        there is none.
    """
    tables = []
    for path in paths:
        by_clips = by_video(read_clips(path), seed=0)
        clips = "all" if "all" in by_clips else "first"
        prediction = by_clips[clips].reindex(cases.index).round(DECIMALS)
        table = pd.DataFrame({"truth": cases["ef"], "prediction": prediction}).reset_index(names="case")
        run = run_of(path, "protocol")
        labels = {"panel": run_label(run.run, run.protocol), "protocol": run.protocol, "clips": clips}
        tables.append(pd.DataFrame({**labels, **table}))
    return pd.concat(tables, ignore_index=True)
