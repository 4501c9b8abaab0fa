"""Two states of ended Slurm jobs that Snakemake's plugin takes for running: it would wait for ever."""

import subprocess
import sys
from typing import Any


def tell_ended_jobs() -> None:
    """Make the plugin see that cancelled jobs have ended, and preempted jobs that Slurm does not start again."""
    plugin: Any = sys.modules.get("snakemake_executor_plugin_slurm")
    if plugin:
        ask = plugin.query_job_status

        async def ask_and_tell(command: str, logger: Any) -> tuple[dict[str, str] | None, float | None]:
            states, seconds = await ask(command, logger)
            return states and {job: _state(job, state) for job, state in states.items()}, seconds

        plugin.query_job_status = ask_and_tell


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
