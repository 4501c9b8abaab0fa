"""Compare each published figure with ours, and give a verdict."""

import argparse
from pathlib import Path

from reprise.report.published import read_published
from reprise.report.scoreboard import read_metrics, read_setup, scoreboard, study_path
from reprise.step.command import json_object, run, say, step_parser
from reprise.step.files import outputs


def arguments() -> argparse.ArgumentParser:
    parser = step_parser(__doc__)
    parser.add_argument("--published", type=Path, required=True, help="the published figures (config/published.yaml)")
    parser.add_argument("--metrics", type=study_path, nargs="+", required=True, metavar="STUDY=FILE")
    parser.add_argument("--settings", type=json_object, required=True, help="JSON: data, schedule, parameters")
    parser.add_argument("--scoreboard", type=Path, required=True, help="CSV to write")
    return parser


def main(args: argparse.Namespace) -> None:
    metrics = {study: read_metrics(path) for study, path in args.metrics}
    board = scoreboard(read_published(args.published), metrics, read_setup(args.settings))
    with outputs(args.scoreboard) as (partial,):
        board.to_csv(partial, index=False)
    for verdict, count in board["verdict"].value_counts().items():
        say(f"{verdict}: {count} of {len(board)} rows")


if __name__ == "__main__":
    run(main, arguments())
