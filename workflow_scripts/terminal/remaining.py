"""How long a run will still take: from the seconds that its steps took in an earlier run, else from their number."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import mean
from typing import Any

# Before this much is done, nothing is known.
FIRST_SECONDS = 10
FIRST_SHARE = 0.05


def earlier_seconds(jobs: Path) -> dict[str, float]:
    """The mean seconds of a job of each rule, from the benchmarks of an earlier run; empty if there was none.

    Args:
        jobs: a table with the columns rule and benchmark (the file of each job), as each run writes it.
    """
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for job in _rows(jobs, ","):
        for times in _rows(Path(job.get("benchmark") or ""), "\t"):
            with suppress(ValueError):
                seconds[job["rule"]] += [float(times.get("s") or "none")]
    return {rule: mean(values) for rule, values in seconds.items() if values}


def seconds_left(
    elapsed: float,
    planned: Mapping[str, int],
    done: Mapping[str, int],
    running: Iterable[tuple[str, float]],
    earlier: Mapping[str, float],
) -> float | None:
    """The seconds that are left if the work that is left goes on as fast as that done; None as long as little is done.

    Args:
        elapsed: seconds since the first job began.
        planned, done: numbers of jobs by rule.
        running: the rule of each running job, and for how many seconds it has run.
        earlier: seconds of a job by rule; a rule without them counts as much as the others' mean.
    """
    usual = mean(earlier.values()) if earlier else 1.0
    work = sum(count * earlier.get(rule, usual) for rule, count in planned.items())
    ended = sum(count * earlier.get(rule, usual) for rule, count in done.items())
    begun = sum(min(seconds, earlier[rule]) for rule, seconds in running if rule in earlier)
    share = (ended + begun) / work if work else 0.0
    if elapsed < FIRST_SECONDS or share < FIRST_SHARE:
        return None
    return elapsed * max(1 - share, 0.0) / share


def _rows(table: Path, delimiter: str) -> list[dict[str, Any]]:
    """The rows of a table; none if it is missing or damaged, because a run goes on without an estimate."""
    try:
        with table.open(newline="") as file:
            return [*csv.DictReader(file, delimiter=delimiter)]
    except (OSError, ValueError, csv.Error):
        return []
