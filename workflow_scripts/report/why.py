"""Say in words why Snakemake would run each job: `make why`, or for any target and configuration."""

import argparse
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from snakemake.cli import parse_config
from snakemake.dag import DAG
from snakemake.jobs import Job

from reprise.engine.causes import input_causes, params_causes
from reprise.engine.plan import ordered_jobs, planned
from reprise.engine.stale_results import DID_NOT_END, MISSING, OTHER_CODE, result_faults
from reprise.step.errors import InputError

MOST_CAUSES = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="?", default="results/report.html", help="a file or a rule")
    parser.add_argument("--config", nargs="*", default=[], metavar="KEY=VALUE", help="as for snakemake")
    args = parser.parse_args()
    try:
        config = parse_config(args.config)
    except (ValueError, AssertionError):
        sys.exit(f"error: --config: expected KEY=VALUE, found {' '.join(args.config)}")
    try:
        with planned(Path("Snakefile"), [args.target], config) as dag:
            print("\n".join(explain(dag)))
    except InputError as error:
        sys.exit(f"error: {error}")


def explain(dag: DAG) -> list[str]:
    """One line per job that would run: its own causes, or the chain of jobs that leads to a job with causes.

    Jobs of one rule with the same causes stand in one line.
    """
    jobs = [job for job in ordered_jobs(dag) if dag.needrun(job)]
    causes = {job: own for job in jobs if (own := tuple(_causes(dag, job)))}
    before = _ways_to_causes(dag, jobs, causes)
    lines: Counter[tuple[str, ...]] = Counter()
    wildcards = {}
    for job in jobs:
        chain = [job]
        while chain[-1] in before:
            chain.append(before[chain[-1]])
        named = (*(_name(link) for link in chain), _several(causes.get(chain[-1], (str(dag.reason(chain[-1])),))))
        lines[named] += 1
        wildcards[named] = ", ".join(job.wildcards_dict.values())
    return [_line(names, count, wildcards[names]) for names, count in lines.items()] or ["nothing would run"]


def _ways_to_causes(dag: DAG, jobs: Sequence[Job], causes: dict[Job, tuple[str, ...]]) -> dict[Job, Job]:
    """For each job without causes of its own, the job before it on the shortest way to a job with causes."""
    before: dict[Job, Job] = {}
    would_run, waiting = set(jobs), deque(causes)
    while waiting:
        job = waiting.popleft()
        for following in dag.depending[job]:
            if following in would_run and following not in causes and following not in before:
                before[following] = job
                waiting.append(following)
    return before


def _causes(dag: DAG, job: Job) -> Iterator[str]:
    """Why the job itself is stale, without the causes of other jobs."""
    reason, persistence = dag.reason(job), dag.workflow.persistence
    recorded = next((file for file in job.output if persistence.metadata(file) is not None), None)
    faults = defaultdict(list)
    for name, fault in result_faults(job):
        faults[fault].append(name)
    if recorded is None and MISSING in faults:
        yield "never run"
        return
    if reason.forced and not faults:
        yield DID_NOT_END
    changes = list(params_causes(persistence.params(recorded) or (), persistence._params(job))) if recorded else []
    for fault, names in faults.items():
        # If Snakemake sees the change too, it is named in more detail below.
        if fault != OTHER_CODE or not changes:
            yield fault if fault in (DID_NOT_END, OTHER_CODE) else f"{_several(names)} {fault}"
    if recorded is None or reason.forced:
        return
    yield from changes
    yield from input_causes(persistence.input(recorded) or (), job.input)
    if persistence.code(recorded) != persistence._code(job.rule):
        yield "the rule's command changed"
    if reason._updated_input:
        yield f"{_several(sorted(map(str, reason.updated_input)))} newer"


def _name(job: Job) -> str:
    return str(job.rule.name).replace("_", " ")


def _several(parts: Sequence[str]) -> str:
    more = f" and {len(parts) - MOST_CAUSES} more" if len(parts) > MOST_CAUSES else ""
    return "; ".join(parts[:MOST_CAUSES]) + more


def _line(names: Sequence[str], count: int, wildcards: str) -> str:
    first, *rest = names
    which = f"{count} jobs" if count > 1 else wildcards
    return " <- ".join([f"{first} ({which})" if which else first, *rest])


if __name__ == "__main__":
    main()
