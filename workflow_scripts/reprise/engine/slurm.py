"""Slurm: two states of ended jobs that Snakemake's plugin takes for running, and jobs that are still queued."""

import subprocess
import sys
from pathlib import Path
from typing import Any

CANCEL = "scancel"
JOBS = Path(".snakemake/slurm_logs")  # of Snakemake's plugin


def tell_ended_jobs() -> None:
    """Make the plugin see that cancelled jobs have ended, and preempted jobs that Slurm does not start again.

    It would wait for them for ever.
    """
    plugin: Any = sys.modules.get("snakemake_executor_plugin_slurm")
    if plugin:
        ask = plugin.query_job_status

        async def ask_and_tell(command: str, logger: Any) -> tuple[dict[str, str] | None, float | None]:
            states, seconds = await ask(command, logger)
            return states and {job: _state(job, state) for job, state in states.items()}, seconds

        plugin.query_job_status = ask_and_tell


def queued_jobs(folder: Path) -> list[str] | None:
    """Numbers of queued jobs that a Snakemake sent from `folder`; their comment is a rule's name.

    None if Slurm does not answer.
    """
    command = ["squeue", "--me", "--noheader", "--format=%i|%k|%Z"]
    try:
        queue = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    except OSError:
        return []
    except subprocess.SubprocessError:
        return None
    rows = (line.split("|", 2) for line in queue.splitlines() if line.count("|") >= 2)
    return [job for job, comment, where in rows if comment.startswith("rule_") and Path(where).resolve() == folder]


def _state(job: str, state: str) -> str:
    # `sacct` adds the user who cancelled, which the plugin does not expect.
    if state.startswith("CANCELLED by "):
        return "CANCELLED"
    return "CANCELLED" if state == "PREEMPTED" and not _goes_on(job) else state


def _goes_on(job: str) -> bool:
    """Whether a preempted job is still in the queue, because it goes back there."""
    command = ["squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={job}"]
    states = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return bool(set(states) - {"PREEMPTED"})
