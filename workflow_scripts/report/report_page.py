"""Write the report: one HTML file with the scoreboard, the section of each study, and where all results come from."""

import argparse
from pathlib import Path

from reprise.report.dag import read_jobs, read_rules
from reprise.report.provenance import size_text
from reprise.report.published import read_published
from reprise.report.report import write_report
from reprise.report.scoreboard import read_setup, study_path
from reprise.step.command import json_object, run, say, step_parser


def arguments() -> argparse.ArgumentParser:
    parser = step_parser(__doc__)
    parser.add_argument("--settings", type=json_object, required=True, help="JSON: data, schedule, parameters, config")
    parser.add_argument("--published", type=Path, required=True, help="the published figures (config/published.yaml)")
    parser.add_argument("--scoreboard", type=Path, required=True, help="the scoreboard's CSV")
    parser.add_argument("--sections", type=Path, nargs="+", required=True, help="each study's section.json")
    parser.add_argument("--manifests", type=study_path, nargs="+", required=True, metavar="STUDY=FILE")
    parser.add_argument("--rules", type=Path, required=True, help="CSV of the rule graph")
    parser.add_argument("--jobs", type=Path, required=True, help="CSV of the run's jobs and their benchmarks")
    parser.add_argument("--lock", type=Path, required=True, help="the locked versions (requirements.lock)")
    parser.add_argument("--report", type=Path, required=True, help="HTML to write")
    return parser


def main(args: argparse.Namespace) -> None:
    write_report(
        args.report,
        setup=read_setup(args.settings),
        published=read_published(args.published),
        scoreboard=args.scoreboard,
        sections=args.sections,
        manifests=dict(args.manifests),
        rules=read_rules(args.rules),
        jobs=read_jobs(args.jobs),
        lock=args.lock,
    )
    say(f"{args.report}: {size_text(args.report.stat().st_size)}")


if __name__ == "__main__":
    run(main, arguments())
