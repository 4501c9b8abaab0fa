"""Ask Snakemake which rule needs which, and which jobs there are, for a target and a configuration."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from snakemake.api import SnakemakeApi
from snakemake.dag import DAG
from snakemake.exceptions import RuleException, WorkflowError
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings

from reprise.step.command import json_object, run, step_parser
from reprise.step.errors import InputError
from reprise.step.files import outputs


def arguments() -> argparse.ArgumentParser:
    parser = step_parser(__doc__)
    parser.add_argument("--snakefile", type=Path, required=True, help="the workflow")
    parser.add_argument("--target", required=True, help="the file whose making is asked for")
    parser.add_argument("--settings", type=json_object, required=True, help="JSON: config, laid over config.yaml")
    parser.add_argument("--rules", type=Path, required=True, help="CSV to write: rule, needs")
    parser.add_argument("--jobs", type=Path, required=True, help="CSV to write: rule, benchmark; a row a job")
    return parser


def main(args: argparse.Namespace) -> None:
    dag = planned(args.snakefile, args.target, args.settings["config"])
    needs: dict[str, set[str]] = {job.rule.name: set() for job in dag.jobs}
    for job in dag.jobs:
        needs[job.rule.name] |= {needed.rule.name for needed in dag.dependencies[job]}
    rules = [(rule, " ".join(sorted(needed))) for rule, needed in sorted(needs.items())]
    jobs = sorted((job.rule.name, str(job.benchmark)) for job in dag.jobs if job.benchmark)
    with outputs(args.rules, args.jobs) as (rules_file, jobs_file):
        pd.DataFrame(rules, columns=["rule", "needs"]).to_csv(rules_file, index=False)
        pd.DataFrame(jobs, columns=["rule", "benchmark"]).to_csv(jobs_file, index=False)


def planned(snakefile: Path, target: str, config: Mapping[str, Any]) -> DAG:
    """All jobs behind a target. Snakemake has no public way to them that leaves more than text.

    Planning takes no lock, so this may run inside a job of the very workflow that it plans.

    Raises:
        InputError: the workflow cannot be planned.
    """
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        settings = ConfigSettings(config=config)
        opened = api.workflow(ResourceSettings(cores=1), config_settings=settings, snakefile=snakefile)
        try:
            opened.dag(DAGSettings(targets={target}))
            workflow = opened._workflow
            workflow._prepare_dag(forceall=True, ignore_incomplete=True, lock_warn_only=True)
            workflow._build_dag()
        except (WorkflowError, RuleException) as error:
            raise InputError(f"{snakefile}: {error}") from error
        return workflow.dag


if __name__ == "__main__":
    run(main, arguments())
