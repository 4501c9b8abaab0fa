"""Stale results that Snakemake does not notice: missing, cut, or made by other code than planned.

Snakemake records a failed job like a job that ended well, and it removes the outputs. A missing file in the middle of
the workflow then triggers nothing (issues 3808 and 1978 of its project). So this module checks each job before
Snakemake looks for reasons to run it.

It looks for no reasons in jobs behind one that runs, even if they only wait for it, by an `ancient` input: these then
do not run, whatever has changed (issue 4166 of its project). Here it looks for their own reasons, too.
"""

import json
from collections.abc import Iterator
from functools import wraps
from pathlib import Path
from typing import Any

from reprise.engine.journal import changed_files, read_journal

WATCHED = "_reprise_watched"
MISSING = "missing"
DID_NOT_END = "its last run did not end well"
OTHER_CODE = "its step loaded other code than there is now"


def watch_results() -> None:
    """Make every DAG of this process run the jobs whose results are not what those jobs wrote."""
    from snakemake.dag import DAG

    find_reasons = DAG.update_needrun
    if hasattr(find_reasons, WATCHED):
        return

    @wraps(find_reasons)
    async def update_needrun(dag: Any, create_inventory: bool = False) -> None:
        if dag.workflow.is_main_process:
            for job in dag.jobs:
                if not dag.finished(job) and not job.rule.norun:
                    _give_reasons(dag.reason(job), job)
        dag.bfs = _following  # Snakemake leaves out what this gives
        try:
            await find_reasons(dag, create_inventory)
        finally:
            del dag.bfs

    setattr(update_needrun, WATCHED, True)
    DAG.update_needrun = update_needrun


def result_faults(job: Any) -> Iterator[tuple[str, str]]:
    """Faults of a job's results: pairs of an output's name and a few words.

    For a job without a journal, only missing outputs are faults.
    """
    missing = [str(file) for file in job.output if not Path(file).exists()]
    yield from ((name, MISSING) for name in missing)
    journal = read_journal(Path(job.log[0])) if job.log else {}
    if not journal:
        return
    if "files" not in journal:
        yield str(job.output[0]), DID_NOT_END
    for name in changed_files(journal.get("files", {})):
        if not any(Path(name) == Path(lost) or Path(name).is_relative_to(lost) for lost in missing):
            yield name, "is not what its step wrote"
    if journal["code"] != _planned_code(job):
        yield str(job.output[0]), OTHER_CODE


def _following(depending: Any, *jobs: Any) -> Iterator[Any]:
    """Jobs, and those that run because these run."""
    waiting, found = [*jobs], set(jobs)
    while waiting:
        job = waiting.pop()
        yield job
        run_too = {next_job for next_job, files in depending[job].items() if not all(f.is_ancient for f in files)}
        waiting += run_too - found
        found |= run_too


def _give_reasons(reason: Any, job: Any) -> None:
    for name, fault in result_faults(job):
        if fault == MISSING:
            reason.missing_output.add(name)
        elif fault == OTHER_CODE:
            reason.code_changed = True
        else:
            reason.forced = True


def _planned_code(job: Any) -> str | None:
    """The digest of the code that the job would run now, which its `spec` holds."""
    return json.loads(job.params.spec)["code"]
