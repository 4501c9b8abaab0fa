"""Every measure of the study with its interval, by all protocols, and what each published habit is worth."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from medfm.analysis.few_shot import UNSEEN, experiments_of, read_lists
from medfm.analysis.few_shot_rows import answer_table, few_shot_rows, spread_table
from medfm.analysis.habits import habit_rows
from medfm.analysis.results import read_answers, read_histories, read_scores
from medfm.analysis.task_rows import (
    calibration_table,
    data_rows,
    epoch_rows,
    finding_table,
    measure_tasks,
    task_rows,
)
from medfm.data.conversion import read_cases
from reprise.evaluation.estimates import METRICS, QUIRKS, Sampling, score_parser
from reprise.step.command import run, say
from reprise.step.files import outputs

PROTOCOLS = ("published", "sound")  # of few-shot experiments
TABLES = {
    "per_finding": "a row per run, protocol, task and finding",
    "few_shot": "a row per method, task, shots and measure",
    "calibration": "a row per run, task and bin of probability",
}


def arguments() -> argparse.ArgumentParser:
    """The step's options."""
    parser = score_parser(__doc__)
    parser.add_argument("--lists", type=Path, required=True, help="CSV of the official few-shot lists")
    parser.add_argument("--scores", type=Path, nargs="+", required=True, help="RUN/PROTOCOL/TASK/scores.csv, all")
    parser.add_argument("--history", type=Path, nargs="+", required=True, help="RUN/by_writeup/TASK/log.csv, all")
    parser.add_argument("--answers", type=Path, nargs="+", required=True, help="few_shot/RUN/NAME, all of them")
    for table, what in TABLES.items():
        parser.add_argument(f"--{table.replace('_', '-')}", type=Path, required=True, help=f"CSV to write: {what}")
    return parser


def main(args: argparse.Namespace) -> None:
    """Read all results, then write the five tables."""
    settings, cases, lists = args.settings, read_cases(args.store / "cases.csv"), read_lists(args.lists)
    sampling = Sampling(settings["resamples"], settings["seed"])
    results = measure_tasks(read_scores(args.scores, cases), sampling)
    experiments = [each for name in PROTOCOLS for each in experiments_of(cases, lists, settings["few_shot"], name)]
    histories, answers = read_histories(args.history), read_answers(args.answers, cases, experiments)
    unseen = read_answers(args.answers, cases, experiments, UNSEEN)
    runs = answer_table(answers)
    spread = spread_table(runs)

    def rows() -> Iterator[dict[str, object]]:
        yield from data_rows(cases)
        yield from task_rows(results)
        yield from epoch_rows(histories)
        yield from few_shot_rows(answers, spread, sampling)

    metrics = pd.DataFrame(rows(), columns=METRICS)
    habits = pd.DataFrame(habit_rows(results, histories, answers, unseen, cases), columns=QUIRKS)
    tables = (metrics, habits, finding_table(results), spread, calibration_table(results))
    files = (args.metrics, args.quirks, *(getattr(args, name) for name in TABLES))
    with outputs(*files) as paths:
        for table, path in zip(tables, paths, strict=True):
            table.to_csv(path, index=False)
    say(f"{len(metrics)} measures, {len(habits)} habits weighed")


if __name__ == "__main__":
    run(main, arguments())
