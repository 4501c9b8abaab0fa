"""The jobs behind a finished result: what each ran, when, what it read and what it wrote, as Snakemake recorded it."""

import time
from pathlib import Path
from typing import Any, NamedTuple

from reprise.engine.journal import read_journal
from reprise.engine.plan import ordered_jobs
from reprise.engine.records import recall
from reprise.step.errors import InputError


class FinishedJob(NamedTuple):
    """A job that ended well. Paths are relative to the project.

    `code` are the files that its step loaded, relative to workflow_scripts/. `manifest` is the table of the raw files
    that it read, if it read any. Times are seconds since 1970.
    """

    rule: str
    program: str
    wildcards: dict[str, str]
    inputs: list[str]
    outputs: list[str]
    manifest: str | None
    code: list[str]
    start: float
    end: float


def finished_jobs(dag: Any) -> list[FinishedJob]:
    """The jobs of a plan in which nothing would run, those that others need first.

    Raises:
        InputError: a job would run, or its record is missing or damaged.
    """
    jobs = ordered_jobs(dag)
    stale = sum(dag.needrun(job) for job in jobs)
    if stale:
        raise InputError(
            f"the results are stale: {stale} of {len(jobs)} jobs would run; `make why` says why; type `make report`"
        )
    return [_finished(job, dag.workflow.persistence.metadata(job.output[0])) for job in jobs]


def _finished(job: Any, record: Any) -> FinishedJob:
    start, end = _times(str(job.output[0]), record)
    # A journal that is lost, or one that names no code, leaves the step's own file.
    code = recall(read_journal(Path(job.log[0])).get("code")) or {job.params.program: ""}
    return FinishedJob(
        job.rule.name,
        job.params.program,
        dict(job.wildcards.items()),
        sorted({str(file) for file in job.input}),
        [str(file) for file in job.output],
        _manifest(job),
        sorted(code),
        start,
        end,
    )


def _times(output: str, record: Any) -> tuple[float, float]:
    """When the job of an output started and ended."""
    try:
        start, end = float(record.starttime), float(record.endtime)
        time.gmtime(start), time.gmtime(end)
    except (AttributeError, TypeError, ValueError, OverflowError, OSError) as error:
        raise InputError(
            f"{output}: its record in .snakemake/metadata is missing or damaged: expected the times of its job; "
            f"remove {output} and type `make report`"
        ) from error
    return start, end


def _manifest(job: Any) -> str | None:
    """The table of raw files that a job made or went by, if its step got the folder of raw data."""
    if "raw" not in job.resources.keys():  # noqa: SIM118  # Snakemake's own type
        return None
    return str(job.output.get("manifest") or job.input.get("manifest"))
