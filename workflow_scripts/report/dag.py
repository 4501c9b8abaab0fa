"""Ask Snakemake which rule needs which, and which jobs there are, for one target and configuration."""

import argparse
from pathlib import Path

import pandas as pd

from reprise.engine.plan import needed_rules, planned
from reprise.step.command import json_object, run, step_parser
from reprise.step.files import outputs


def arguments() -> argparse.ArgumentParser:
    parser = step_parser(__doc__)
    parser.add_argument("--snakefile", type=Path, required=True, help="the workflow")
    parser.add_argument("--target", required=True, help="the file that the jobs make")
    parser.add_argument("--settings", type=json_object, required=True, help="JSON: config, laid over config.yaml")
    parser.add_argument("--rules", type=Path, required=True, help="CSV to write: rule, needs")
    parser.add_argument("--jobs", type=Path, required=True, help="CSV to write: rule, benchmark; one row per job")
    return parser


def main(args: argparse.Namespace) -> None:
    with planned(args.snakefile, [args.target], args.settings["config"], finished=True) as dag:
        needs = needed_rules(dag)
        jobs = sorted((job.rule.name, str(job.benchmark)) for job in dag.jobs if job.benchmark)
    rules = [(rule, " ".join(needed)) for rule, needed in needs.items()]
    with outputs(args.rules, args.jobs) as (rules_file, jobs_file):
        pd.DataFrame(rules, columns=["rule", "needs"]).to_csv(rules_file, index=False)
        pd.DataFrame(jobs, columns=["rule", "benchmark"]).to_csv(jobs_file, index=False)


if __name__ == "__main__":
    run(main, arguments())
