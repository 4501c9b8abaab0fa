"""Plans a workflow in this process, as a dry run does, and gives all that Snakemake knows of its jobs."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snakemake.api import SnakemakeApi
from snakemake.dag import DAG
from snakemake.exceptions import RuleException, WorkflowError
from snakemake.jobs import Job
from snakemake.settings.enums import RerunTrigger
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings

from reprise.step.errors import InputError

OVERTAKEN = "a concurrent process has deleted it"  # Snakemake's words if a running job removes what is looked at
ATTEMPTS = 10
# Those of profiles/default, which this does not read.
TRIGGERS = frozenset({RerunTrigger.MTIME, RerunTrigger.PARAMS, RerunTrigger.INPUT, RerunTrigger.CODE})


@contextmanager
def planned(
    snakefile: Path, targets: Iterable[str], config: Mapping[str, Any] | None = None, *, finished: bool = False
) -> Iterator[DAG]:
    """All jobs behind some targets, and which of them would run. The working directory is that of the workflow.

    Snakemake has no public way to its jobs that gives more than text. Planning takes no lock, so this may run inside
    a job of the very workflow that it plans.

    Args:
        snakefile: the workflow.
        targets: files or rules.
        config: laid over that of the workflow.
        finished: take every job as one that runs, and ignore that results may be incomplete.

    Raises:
        InputError: the workflow cannot be planned.
    """
    settings = ConfigSettings(config=dict(config or {}))
    dag = DAGSettings(set(targets), force_incomplete=not finished, rerun_triggers=TRIGGERS)
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        for left in reversed(range(ATTEMPTS)):
            try:
                opened = api.workflow(ResourceSettings(cores=1), config_settings=settings, snakefile=snakefile)
                opened.dag(dag)
                workflow = opened._workflow
                workflow._prepare_dag(forceall=finished, ignore_incomplete=finished, lock_warn_only=True)
                workflow._build_dag()
                break
            except (WorkflowError, RuleException) as error:
                if not left or OVERTAKEN not in str(error):
                    raise InputError(f"{snakefile}: {error}") from error
        yield workflow.dag


def planned_settings(dag: DAG, result: str) -> dict[str, Any]:
    """The settings that the step of a planned result gets."""
    job = next(job for job in dag.jobs if result in map(str, job.output))
    settings: dict[str, Any] = json.loads(job.params.spec)
    return settings


def needed_rules(dag: DAG) -> dict[str, list[str]]:
    """For each rule of a plan the rules whose results it needs, all sorted by name."""
    needs: dict[str, set[str]] = {job.rule.name: set() for job in dag.jobs}
    for job in dag.jobs:
        needs[job.rule.name] |= {needed.rule.name for needed in dag.dependencies[job]}
    return {rule: sorted(needs[rule]) for rule in sorted(needs)}


def ordered_jobs(dag: DAG) -> list[Job]:
    """All jobs of a plan but a target's, which does nothing: those that others need first, else by rule and outputs."""
    levels = (sorted(level, key=lambda job: [job.rule.name, *map(str, job.output)]) for level in dag.toposorted())
    return [job for level in levels for job in level if not job.rule.norun]
