"""Every measure of the study with its interval, by all protocols, and what each published habit is worth."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from iseg.analysis.habits import habit_rows
from iseg.analysis.results import Results, read_results
from iseg.analysis.subject_measures import crop_rows, data_rows, volume_rows
from iseg.analysis.volume_scores import Rule, confusion_rows, tissue_table
from reprise.data.store import open_store
from reprise.evaluation.estimates import METRICS, QUIRKS, Row, Sampling, score_parser
from reprise.step.command import run, say
from reprise.step.files import outputs


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = score_parser(__doc__)
    parser.add_argument("--predictions", type=Path, nargs="+", required=True, help="RUN/PROTOCOL/predictions, all")
    parser.add_argument("--sums", type=Path, nargs="+", required=True, help="RUN/PROTOCOL/sums.csv, all of them")
    parser.add_argument("--history", type=Path, nargs="*", default=[], help="RUN/by_master/fold1/log.csv, all of them")
    parser.add_argument("--scores", type=Path, required=True, help="CSV to write: a row per volume and tissue")
    parser.add_argument("--confusion", type=Path, required=True, help="CSV to write: voxels by true and found class")
    return parser


def main(args: argparse.Namespace) -> None:
    """Read all results, then write the four tables."""
    settings, store = args.settings, open_store(args.store)
    rule = Rule(tuple(settings["master"]["crop"]), settings["master"]["crops"]["least"])
    results = read_results(args.predictions, args.sums, args.history, store, rule)
    metrics = pd.DataFrame(metric_rows(results, store.cases, settings), columns=METRICS)
    habits = pd.DataFrame(habit_rows(results, settings), columns=QUIRKS)
    sound = results.volumes[results.volumes["protocol"] == "sound"]
    tables = (metrics, habits, tissue_table(results.volumes), pd.DataFrame(confusion_rows(sound)))
    with outputs(args.metrics, args.quirks, args.scores, args.confusion) as files:
        for table, file in zip(tables, files, strict=True):
            table.to_csv(file, index=False)
    say(f"{len(metrics)} measures, {len(habits)} habits weighed")


def metric_rows(results: Results, cases: pd.DataFrame, settings: dict[str, Any]) -> Iterator[Row]:
    """All rows of the table of measures: the data, crops as published, then whole volumes."""
    yield from data_rows(cases)
    yield from crop_rows(results.sums, {name: settings[name]["dice"] for name in ("thesis", "master")})
    yield from volume_rows(results.volumes, Sampling(settings["resamples"], settings["seed"]))


if __name__ == "__main__":
    run(main, arguments())
