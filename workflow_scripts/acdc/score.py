"""Every measure of the study with its interval, by both protocols, and what each published habit is worth."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from acdc.analysis.combined import CALIBRATION, HABITS, SLICES, read_scores
from acdc.analysis.heart_measures import calibration_rows, data_rows, empty_rows, published_rows, sound_rows
from acdc.analysis.heart_quirks import (
    empty_quirk,
    grid_quirks,
    pixel_quirks,
    search_quirk,
    smoothing_quirk,
    split_quirk,
)
from acdc.analysis.patients import patient_scores, patient_table
from acdc.analysis.shown import best_network
from reprise.data.store import Store, open_store
from reprise.evaluation.estimates import METRICS, QUIRKS, Row, Sampling, score_parser
from reprise.evaluation.runs import read_runs
from reprise.step.command import run, say
from reprise.step.files import outputs
from reprise.step.tables import read_table

HISTORY = {"epoch": int, "val_iou": float}


class Tables(NamedTuple):
    """What `combine` and the published trainings wrote."""

    scores: pd.DataFrame
    calibration: pd.DataFrame
    slices: pd.DataFrame
    habits: pd.DataFrame
    history: pd.DataFrame


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = score_parser(__doc__)
    parser.add_argument("--published-slices", type=Path, required=True, help="folder of the published slices")
    for name in ("scores", "calibration", "slices", "habits"):
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"{name}.csv of the ensembles")
    parser.add_argument("--history", type=Path, nargs="*", default=[], help="RUN/published/log.csv, all of them")
    parser.add_argument("--patients", type=Path, required=True, help="CSV to write: volumes, EF and mass by patient")
    return parser


def main(args: argparse.Namespace) -> None:
    """Read all tables, then write the three tables of results."""
    tables = Tables(
        read_scores(args.scores),
        read_table(args.calibration, CALIBRATION),
        read_table(args.slices, SLICES),
        read_table(args.habits, HABITS),
        read_runs(args.history, HISTORY, ["protocol"]),
    )
    settings, published = args.settings, open_store(args.published_slices)
    networks = settings["models"]["segmentation"]
    patients = patient_table(tables.scores)
    metrics = pd.DataFrame(metric_rows(tables, patients, open_store(args.store), published, settings), columns=METRICS)
    habits = pd.DataFrame(quirk_rows(tables, published, networks, settings["draws"]), columns=QUIRKS)
    with outputs(args.metrics, args.quirks, args.patients) as (metrics_file, quirks_file, patients_file):
        metrics.to_csv(metrics_file, index=False)
        habits.to_csv(quirks_file, index=False)
        patients.to_csv(patients_file, index=False)
    say(f"{len(metrics)} measures, {len(habits)} habits weighed")


def metric_rows(
    tables: Tables, patients: pd.DataFrame, store: Store, published: Store, settings: dict[str, Any]
) -> Iterator[Row]:
    """All rows of the table of measures: the data, then one protocol after the other."""
    sampling = Sampling(settings["resamples"], settings["seed"])
    by_split = {split: own["patient"].nunique() for split, own in patients.groupby("split")}
    yield from data_rows(store.cases, len(published.cases))
    yield from published_rows(tables.slices, settings["models"]["segmentation"], sampling)
    yield from sound_rows(patient_scores(tables.scores), patients, best_network(tables.scores), sampling)
    yield from empty_rows(tables.scores)
    yield from calibration_rows(tables.calibration, by_split)


def quirk_rows(tables: Tables, published: Store, networks: list[str], draws: int) -> Iterator[Row]:
    """All rows of the table of habits; `draws` are the weightings of the published search."""
    best = best_network(tables.scores)
    yield from search_quirk(tables.slices, networks, draws)
    yield from pixel_quirks(tables.slices, networks)
    yield from split_quirk(tables.slices, tables.history, networks)
    yield from grid_quirks(tables.habits, best)
    yield from smoothing_quirk(published)
    yield from empty_quirk(tables.scores, best)


if __name__ == "__main__":
    run(main, arguments())
